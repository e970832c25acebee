/*
 * One semaphore in Redis, and the processes that share it: every process asks once, holds for a while and releases.
 *
 * [file.lua#name] says what in the code a step stands for; a test checks that it exists.
 *
 * TIME is counted in ticks. Every moment is kept as the number of ticks until it (0: it is over), also in messages, and a
 * tick takes one off all of them: so there is no clock that grows, and the states are finite. All clocks run evenly; the
 * margin that ServerClock takes for those that do not is left out, and so is the time that a call takes to the server,
 * by which a holder believes less, never more.
 *
 * TWO KINDS OF RUN
 *   default      Anything may take any time, and any fault may happen any number of times. Shows what must never be.
 *   URGENT       Time passes when everybody has done what there is to do, but for who is stopped; FAULTS faults in all.
 *                Shows what must happen, and within which time.
 *
 * PROPERTIES  over    more leases are believed than the limit allows
 *             twice   one acquire has two leases or places at the server
 *             broken  a lease ends under a holder that no fault of its own has hit
 *             slow    a waiter that lives is not served within two leases of the end of all others
 *             served  (LTL, with URGENT) every process that lives is served in the end
 *
 * GUARDS, each left out by a switch: NO_RECOVERY_PAUSE, NO_CLAIM, NO_HEARTBEAT_CHECK, NO_NAMED_IDS, NO_CLOCK_PAIR,
 * NO_DIGEST, NO_BATCH_NUMBERS.
 */

#ifndef PROCESSES
#define PROCESSES 2
#endif
#ifndef LIMIT
#define LIMIT 1
#endif
/* Ticks of a lease, which is also the longest one. */
#ifndef LEASE
#define LEASE 2
#endif
/* URGENT: how many ticks of work a lease is held for at most. */
#ifndef WORK
#define WORK (LEASE + 1)
#endif

/* With NO_NAMED_IDS an acquire that is asked again bears another name. */
#ifdef NO_NAMED_IDS
#define NAMES (2 * PROCESSES)
#else
#define NAMES PROCESSES
#endif
#define owner(n) ((n) % PROCESSES)

#if PROCESSES == 2
#define all(what) (what(0) && what(1))
#elif PROCESSES == 3
#define all(what) (what(0) && what(1) && what(2))
#else
#define all(what) (what(0) && what(1) && what(2) && what(3))
#endif

/* ---- the server: what the facts, the leases and the queue hold ---- */

byte left[NAMES];     /* until the lease lapses; 0: there is none [keys.lua#EXPIRIES] */
byte place[NAMES];    /* in the queue, first is 1; 0: none [keys.lua#QUEUE] */
bool parked[NAMES];   /* keeps its place, but is not served [keys.lua#PARKED] */
byte silent[PROCESSES]; /* since its last call [state.lua#P_SEEN_AT] */
bool known[PROCESSES];/* it has called at least once */
byte recovery;        /* grants wait until it is over [state.lua#S_RECOVER_UNTIL] */

/* ---- the network: one call of a process at a time, and its connection ---- */

mtype = { nothing, ask, askAgain, look, renew, claim, release };
mtype = { granted, queued, gone, released };

mtype call[PROCESSES] = nothing;
mtype late[PROCESSES] = nothing;  /* a call that its process has given up, and which may still arrive */
mtype reply[PROCESSES] = nothing;
byte replyLeft[PROCESSES];        /* granted: until the lease lapses */
byte push[PROCESSES];             /* 0: none, else 1 + until the lease lapses */
byte pushName[PROCESSES];
bool cut[PROCESSES];              /* the connection has ended; what has arrived before can still be read */

/* ---- the processes ---- */

mtype = { asking, waiting, holding, releasing, done, dead };

mtype phase[PROCESSES] = asking;
byte name[PROCESSES];             /* of its lease */
bool asked[PROCESSES];            /* at least once: the server may know of it */
byte belief[PROCESSES];           /* until then it believes in its lease */
bool stale[PROCESSES];            /* the server that it heard from last has ended since */
#ifdef URGENT
bool due[PROCESSES];              /* a look or a renewal */
byte worked[PROCESSES];
byte stopped[PROCESSES];          /* SIGSTOP, for so many ticks */
byte serverStopped;
bool hit[PROCESSES];              /* by a fault of its own */
byte alone;                       /* VANISH: ticks since all but the last one died, and one more */
#define isKnown(p) known[p]
#define awake(p) (stopped[p] == 0)
#define isDue(p) (due[p])
#define serverAwake (serverStopped == 0)
/* Who is awake reads what has come before the server does anything else. */
#define hasRead(p) (stopped[p] > 0 || (reply[p] == nothing && (push[p] == 0 || call[p] != nothing)))
#define setDue(p, it) due[p] = it
#define setHit(p) hit[p] = true
#define setBroken(p) broken = !hit[p]
#define mayWork(p) (worked[p] < WORK)
#else
#define awake(p) true
#define isDue(p) true
#define serverAwake true
#define hasRead(p) true
#define setDue(p, it) skip
#define setHit(p) skip
#define setBroken(p) skip
#define mayWork(p) true
#endif

bool over, twice, broken, slow;

/* For within a step; cleared at its end, so that they make no states. */
byte i, head, used, count;
bool noticed;
#define clear() head = 0; used = 0; count = 0; noticed = false

#define lives(p) (phase[p] != dead)
#define isSettled(p) (phase[p] == done || phase[p] == dead)
#define mayCall(p) (awake(p) && call[p] == nothing && reply[p] == nothing && !cut[p])

/* ---- what the server does in one call, which is atomic ---- */

/* [state.lua#S_IN_USE] */
inline countUsed() {
  used = 0;
  for (i : 0 .. NAMES - 1) { used = used + (left[i] > 0) }
}

/* The first waiter that is not parked, or NAMES. [queue.lua#serve queue.lua#place_of] */
inline findHead() {
  head = NAMES;
  for (i : 0 .. NAMES - 1) {
    if
    :: place[i] > 0 && !parked[i] && (head == NAMES || place[i] < place[head]) -> head = i
    :: else
    fi
  }
}

/* Places are numbered from 1 again, since only their order counts. [queue.lua#serve rare.lua#dequeue] */
inline leaveQueue(n) {
  for (i : 0 .. NAMES - 1) {
    if
    :: place[i] > place[n] -> place[i]--
    :: else
    fi
  }
  place[n] = 0;
  parked[n] = false
}

/* [rare.lua#admit_operation queue.lua#admit queue.lua#enqueue] */
inline enqueue(n) {
  count = 1;
  for (i : 0 .. NAMES - 1) { count = count + (place[i] > 0) }
  place[n] = count
}

/* Freed permits go to the first waiters; who is silent is set aside. [queue.lua#handoff queue.lua#leaves_early] */
inline handOff(caller) {
  do
  :: findHead();
     if
     :: recovery > 0 || head == NAMES || used >= LIMIT -> break
     :: else ->
        if
#ifndef NO_HEARTBEAT_CHECK
        :: silent[owner(head)] > LEASE -> parked[head] = true
#endif
        :: else -> grantHead(caller)
        fi
     fi
  od
}

/* [grant.lua#grant queue.lua#grant_waiter queue.lua#notices_for queue.lua#publish] */
inline grantHead(caller) {
  leaveQueue(head);
  left[head] = LEASE;
  used++;
  if
  :: owner(head) == caller -> noticed = true
  :: owner(head) != caller && lives(owner(head)) ->
     push[owner(head)] = 1 + LEASE;
     pushName[owner(head)] = head
  :: else
  fi
}

/*
 * What a call changes for the name that it bears. [rare.lua#decide_one rare.lua#ask_known rare.lua#ask_for_held
 * rare.lua#ask_for_queued rare.lua#renew rare.lua#claim queue.lua#release_run]
 */
inline decide(n, operation) {
  if
  :: operation == ask ->
     /* Nothing is looked up for one that is named for the first time, so that must be true. */
     twice = left[n] > 0 || place[n] > 0;
     enqueue(n)
  :: operation == askAgain ->
     if
     :: left[n] > 0 -> skip
     :: left[n] == 0 && place[n] > 0 -> parked[n] = false
     :: else -> enqueue(n)
     fi
  :: operation == renew && left[n] > 0 -> left[n] = LEASE
  :: operation == claim && (left[n] > 0 || recovery > 0) -> left[n] = LEASE
  :: operation == release -> left[n] = 0
  :: else
  fi
}

/* One call. [apply.lua#me apply.lua#runs] */
inline carryOut(p, operation) {
  noticed = false;
  silent[p] = 0;
  known[p] = true;
  decide(name[p], operation);
  countUsed();
  handOff(p)
}

/* What the reply says; a look is answered by the digest alone. [apply.lua#answers queue.lua#own_notices state.lua#P_DIGEST] */
inline answer(p, operation) {
  if
  :: operation == release -> reply[p] = released
  :: operation != release && left[name[p]] > 0 && (operation != look || noticed) ->
     reply[p] = granted;
     replyLeft[p] = left[name[p]]
  :: operation != release && place[name[p]] > 0 && !parked[name[p]] -> reply[p] = queued
  :: else -> reply[p] = gone
  fi
}

/* One acquire has one lease or one place, whatever was repeated. */
inline checkTwice() {
  for (i : 0 .. NAMES - 1) {
    if
    :: i >= PROCESSES && left[i] + place[i] > 0 && left[owner(i)] + place[owner(i)] > 0 -> twice = true
    :: else
    fi
  }
  assert(!twice)
}

/* Processes differ by their names alone: they are named in the order in which they are first heard, or die. */
#define mayBeFirst(p) (p == 0 || known[p - 1] || phase[p - 1] == dead)

/* The server's end of a connection. */
proctype Connection(byte p) {
  do
  :: d_step {
       call[p] != nothing && serverAwake && mayBeFirst(p) && all(hasRead) ->
#ifndef NO_BATCH_NUMBERS
       late[p] = nothing; /* it is older than this one, and does nothing [state.lua#P_BATCH] */
#endif
       carryOut(p, call[p]);
       answer(p, call[p]);
       call[p] = nothing;
       checkTwice();
       clear()
     }
  :: d_step {
       late[p] != nothing && serverAwake && mayBeFirst(p) && all(hasRead) ->
       carryOut(p, late[p]);
       late[p] = nothing;
       checkTwice();
       clear()
     }
  od
}

/* ---- what a process does ---- */

inline checkOver() {
  count = 0;
  for (i : 0 .. PROCESSES - 1) { count = count + (belief[i] > 0) }
  over = count > LIMIT;
  assert(!over);
  clear()
}

/* What is over already is asked for anew. [server-clock.ts#validUntil lane.ts#granted acquire-call.ts#take] */
inline believe(p, ticks) {
  if
  :: ticks == 0 -> belief[p] = 0; phase[p] = asking
  :: else ->
     belief[p] = ticks;
     phase[p] = holding;
     stale[p] = stale[p] && cut[p];
     checkOver()
  fi
}

/* [keeper.ts#settle held.ts#lose] */
inline loseLease(p) {
  belief[p] = 0;
  setBroken(p);
  assert(!broken)
}

/* [acquire-call.ts#answered lane.ts#heard lane.ts#answered lane.ts#compare lane.ts#renewed lane.ts#outcome] */
inline readReply(p) {
  if
  :: phase[p] == asking && reply[p] == granted -> believe(p, replyLeft[p])
  :: phase[p] == asking && reply[p] == queued -> phase[p] = waiting
  :: phase[p] == waiting && reply[p] == granted -> believe(p, replyLeft[p])
#ifndef NO_DIGEST
  :: phase[p] == waiting && reply[p] == gone -> phase[p] = asking
#endif
  :: phase[p] == holding && reply[p] == granted -> believe(p, replyLeft[p])
  :: phase[p] == holding && reply[p] == gone -> loseLease(p); phase[p] = done
  :: phase[p] == releasing && reply[p] == released -> phase[p] = done
  :: else
  fi;
  reply[p] = nothing;
  replyLeft[p] = 0
}

/* Early ones wait for the reply. [lane.ts#pushed lane.ts#handedOver lane.ts#whenAnswered] */
inline readPush(p) {
  if
  :: phase[p] == waiting && pushName[p] == name[p] ->
#ifdef NO_CLOCK_PAIR
     believe(p, LEASE)
#else
     believe(p, push[p] - 1)
#endif
  :: else
  fi;
  push[p] = 0;
  pushName[p] = 0
}

/* [acquire-call.ts#encode acquire-call.ts#interrupted] */
inline sendAsk(p) {
#ifdef NO_NAMED_IDS
  if
  :: asked[p] && name[p] < PROCESSES -> name[p] = name[p] + PROCESSES; asked[p] = false
  :: else
  fi;
#endif
  call[p] = (asked[p] -> askAgain : ask);
  asked[p] = true
}

/* Another life of the server is told first what is held. [keeper.ts#renew recollection.ts#begin recollection.ts#tell] */
inline sendRenewal(p) {
#ifdef NO_CLAIM
  call[p] = renew
#else
  call[p] = (stale[p] -> claim : renew)
#endif
}

proctype Process(byte p) {
  do
  :: d_step { awake(p) && lives(p) && reply[p] != nothing -> readReply(p) }
  :: d_step { awake(p) && lives(p) && push[p] > 0 && call[p] == nothing && reply[p] == nothing -> readPush(p) }
     /* Connects again. [binding.ts#bind lane.ts#connected batches.ts#lost] */
  :: d_step {
       awake(p) && lives(p) && cut[p] ->
       cut[p] = false; reply[p] = nothing; replyLeft[p] = 0; push[p] = 0; pushName[p] = 0; setDue(p, true)
     }
  :: d_step { mayCall(p) && phase[p] == asking -> sendAsk(p) }
     /* A heartbeat. [lane.ts#ring lane.ts#nextLookAt] */
  :: d_step { mayCall(p) && phase[p] == waiting && isDue(p) -> call[p] = look; setDue(p, false) }
  :: d_step { mayCall(p) && phase[p] == holding && belief[p] > 0 && isDue(p) && mayWork(p) -> sendRenewal(p); setDue(p, false) }
     /* [lease.ts#release] */
  :: d_step { awake(p) && phase[p] == holding && belief[p] > 0 && isDue(p) -> belief[p] = 0; phase[p] = releasing }
     /* Has read what has come, and gives back what it does not believe any more. [keeper.ts#round lease.ts#outlived] */
  :: d_step { awake(p) && phase[p] == holding && belief[p] == 0 && reply[p] == nothing -> loseLease(p); phase[p] = releasing }
  :: d_step { mayCall(p) && phase[p] == releasing -> call[p] = release }
  od
}

/* ---- time ---- */

#define countDown(ticks) ticks = (ticks > 0 -> ticks - 1 : 0)

#ifdef URGENT
/* Nothing is left to be done at once. */
#define wants(p) (phase[p] == asking || phase[p] == releasing || (phase[p] == waiting && due[p]) \
  || (phase[p] == holding && (due[p] || belief[p] == 0)))
#define isQuiet(p) (!lives(p) || stopped[p] > 0 || (call[p] != nothing && serverStopped > 0) \
  || (call[p] == nothing && reply[p] == nothing && push[p] == 0 && !cut[p] && !wants(p)))
#endif

/* Permits that are handed to the dead come back within two leases in all. docs/guarantees.md */
inline checkSlow() {
#ifdef VANISH
  alone = (alone > 0 && !isSettled(PROCESSES - 1) && phase[PROCESSES - 1] != holding -> alone + 1 : alone);
  slow = alone > 1 + 2 * LEASE;
  assert(!slow)
#else
  skip
#endif
}

inline tick() {
  countDown(recovery);
#ifdef URGENT
  countDown(serverStopped);
#endif
  for (i : 0 .. NAMES - 1) { countDown(left[i]) }
  for (i : 0 .. PROCESSES - 1) {
    countDown(replyLeft[i]);
    push[i] = (push[i] > 1 -> push[i] - 1 : push[i]);
    countDown(belief[i]);
    /* It matters for those who queue alone. */
    silent[i] = (place[i] == 0 && NAMES == PROCESSES -> 0 : (silent[i] > LEASE -> silent[i] : silent[i] + 1));
#ifdef URGENT
    due[i] = phase[i] == waiting || phase[i] == holding;
    worked[i] = (phase[i] == holding && worked[i] < WORK -> worked[i] + 1 : worked[i]);
    countDown(stopped[i])
#endif
  }
}

#ifdef FAULTS
byte faults = FAULTS;
#define mayFail (faults > 0)
#define spend() faults--
#else
#define mayFail true
#define spend() skip
#endif

/* ---- what goes wrong ---- */

inline cutOff(p) {
  call[p] = nothing;
  cut[p] = true;
  setHit(p)
}

inline kill(p) {
  phase[p] = dead;
  belief[p] = 0; cut[p] = false; stale[p] = false; asked[p] = false;
  call[p] = nothing; reply[p] = nothing; replyLeft[p] = 0; push[p] = 0; pushName[p] = 0
}

/* What reaches one process. */
proctype Faults(byte p) {
  do
     /* Before its call was carried out. */
  :: d_step { mayFail && lives(p) && !cut[p] && phase[p] != done -> spend(); cutOff(p) }
     /* The same, but the call has left, and arrives some time. */
  :: d_step { mayFail && call[p] != nothing -> spend(); late[p] = call[p]; cutOff(p) }
     /* After it was carried out. */
  :: d_step { mayFail && reply[p] != nothing -> spend(); reply[p] = nothing; replyLeft[p] = 0; cutOff(p) }
  :: d_step { mayFail && push[p] > 0 -> spend(); push[p] = 0; pushName[p] = 0; setHit(p) }
  :: d_step { mayFail && !isSettled(p) && mayBeFirst(p) -> spend(); kill(p) }
#ifdef URGENT
     /* For longer than a lease; shorter stops are those in which nothing ends. */
  :: d_step { mayFail && !isSettled(p) && known[p] && stopped[p] == 0 -> spend(); stopped[p] = LEASE + 1; setHit(p) }
#endif
  od
}

/* [open.lua#open open.lua#learn_life open.lua#recover recovery.lua#recovery_of_life] */
inline recover() {
#ifndef NO_RECOVERY_PAUSE
  recovery = LEASE
#else
  skip
#endif
}

/*
 * An empty server, or one from an older copy, which has some of the leases and of the queue. What is left of the queue
 * waits to be asked for again. [open.lua#set_queue_aside]
 */
inline restart() {
  for (count : 0 .. NAMES - 1) {
    if
    :: left[count] = 0
    :: left[count] > 0 -> skip
    fi;
    if
    :: place[count] > 0 -> leaveQueue(count)
    :: parked[count] = place[count] > 0
    fi
  }
  for (i : 0 .. PROCESSES - 1) {
    late[i] = nothing;
    if
    :: lives(i) && phase[i] != done -> call[i] = nothing; cut[i] = true; stale[i] = true
    :: else
    fi
  }
  recover();
  clear()
}

/* A host with all processes but the last one. */
inline vanish() {
  for (i : 0 .. PROCESSES - 2) { kill(i) }
  alone = 1
}

/* What reaches all. */
proctype World() {
  do
#ifdef VANISH
  :: d_step { mayFail && all(isKnown) -> spend(); vanish() }
#else
  :: atomic { mayFail -> spend(); restart() }
#ifdef URGENT
  :: d_step {
       mayFail && serverStopped == 0 -> spend(); serverStopped = LEASE + 1;
       for (i : 0 .. PROCESSES - 1) { hit[i] = true };
       skip
     }
#endif
#endif
  od
}

proctype Clock() {
  do
#ifdef URGENT
  :: d_step { all(isQuiet) -> tick(); checkSlow() }
#else
  :: d_step { true -> tick(); checkSlow() }
#endif
  od
}

init {
  atomic {
    for (i : 0 .. PROCESSES - 1) {
      name[i] = i;
      run Connection(i);
      run Process(i);
#ifndef VANISH
      run Faults(i)
#endif
    }
    run World();
    run Clock()
  }
}

#ifdef SERVED
ltl served { <> all(isSettled) }
#endif
