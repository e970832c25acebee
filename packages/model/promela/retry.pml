/*
 * A caller of the HTTP face asks under one name (its Idempotency-Key), hangs up, and asks again through another sidecar.
 * A rival wants the same single permit. Every attempt has a sidecar of its own.
 *
 * [file.ts#name] says what in the code a step stands for; a test checks that it exists.
 *
 * There is no clock: everything may take any time. A lease lapses when its caller does not believe in it; what was told of
 * it and not read by then is not believed any more, which is what the holder's clock sees to (store.pml).
 *
 * PROPERTIES  over   the caller and the rival believe at the same time
 *             stuck  everything has come to its end, and the rival was not served (an invalid end state)
 *
 * GUARDS, each left out by a switch: NO_ATTEMPT_NONCE (a hang-up undoes what the lease's name finds), NO_AGAIN (a grant
 * does not tell that another attempt had it before).
 */

#ifndef ATTEMPTS
#define ATTEMPTS 3
#endif
/* How often a waiting attempt asks again, whatever the reason. */
#ifndef LOOKS
#define LOOKS 1
#endif
#define NOBODY ATTEMPTS

/* ---- the store: one permit ---- */

mtype = { nothing, acquire, askAgain, cancel, giveBack, release };
mtype = { queued, granted, grantedAgain, superseded };
mtype = { free, callers, rivals };

mtype lease = free;
byte leaseAttempt = NOBODY;  /* the latest attempt that has asked for it [state.lua#L_ATTEMPT] */
bool leaseShared;            /* another one had it before [state.lua#L_SHARED] */
byte waiterAttempt = NOBODY; /* the caller's place in the queue belongs to it; NOBODY: there is none [state.lua#W_ATTEMPT] */
bool rivalWaits, rivalIsFirst;

mtype call[ATTEMPTS] = nothing;
mtype reply[ATTEMPTS] = nothing;
bool releaseCalled;

/* ---- the sidecars, the caller, the rival ---- */

mtype = { unasked, asking, waiting, ended };

mtype attempt[ATTEMPTS] = unasked;
byte looks[ATTEMPTS];
bool requested[ATTEMPTS], hungUp[ATTEMPTS];
bool told[ATTEMPTS], refused[ATTEMPTS]; /* what a sidecar has answered */
bool callerBelieves, rivalBelieves, rivalDone, over;

byte i;

#define isGrant(it) (it == granted || it == grantedAgain)

inline checkOver() {
  over = callerBelieves && rivalBelieves;
  assert(!over)
}

/* [queue.lua#handoff] */
inline handOff() {
  if
  :: lease == free && rivalWaits && (rivalIsFirst || waiterAttempt == NOBODY) ->
     lease = rivals; rivalWaits = false; rivalIsFirst = false
  :: lease == free && waiterAttempt != NOBODY && !(rivalWaits && rivalIsFirst) ->
     lease = callers; leaseAttempt = waiterAttempt; leaseShared = false;
     reply[waiterAttempt] = granted; /* a push */
     waiterAttempt = NOBODY;
     rivalIsFirst = rivalWaits
  :: else
  fi
}

/* With a handoff at the end of the call. [queue.lua#admit] */
inline admit(a) {
  waiterAttempt = a;
  reply[a] = queued;
  handOff()
}

/* [rare.lua#ask_for_held] */
inline askForHeld(a) {
  if
  :: call[a] == askAgain && leaseAttempt != a -> reply[a] = superseded
  :: !(call[a] == askAgain && leaseAttempt != a) && leaseAttempt == a -> reply[a] = granted
  :: else ->
     leaseAttempt = a;
#ifdef NO_AGAIN
     reply[a] = granted
#else
     leaseShared = true;
     reply[a] = grantedAgain
#endif
  fi
}

/* [rare.lua#ask_for_queued] */
inline askForQueued(a) {
  if
  :: call[a] == askAgain && waiterAttempt != a -> reply[a] = superseded
  :: else -> waiterAttempt = a; reply[a] = queued
  fi
}

/* [rare.lua#ask_known] */
inline askKnown(a) {
  if
  :: lease == callers -> askForHeld(a)
  :: lease != callers && waiterAttempt != NOBODY -> askForQueued(a)
  :: else -> admit(a)
  fi
}

inline dropLease() {
  lease = free; leaseAttempt = NOBODY; leaseShared = false
}

#ifdef NO_ATTEMPT_NONCE
#define owns(owner, a) true
#else
#define owns(owner, a) (owner == a)
#endif

/* [rare.lua#cancel] */
inline cancelAttempt(a) {
  if
  :: lease == callers && owns(leaseAttempt, a) && !leaseShared -> dropLease()
  :: !(lease == callers && owns(leaseAttempt, a) && !leaseShared) && waiterAttempt != NOBODY && owns(waiterAttempt, a) ->
     waiterAttempt = NOBODY
  :: else
  fi
}

/* [rare.lua#release_owned] */
inline releaseOwned(a) {
  if
  :: lease == callers && owns(leaseAttempt, a) -> dropLease()
  :: else
  fi
}

inline carryOut(a) {
  if
  :: call[a] == acquire || call[a] == askAgain -> askKnown(a)
  :: call[a] == cancel -> cancelAttempt(a); handOff()
  :: call[a] == giveBack -> releaseOwned(a); handOff()
  fi;
  call[a] = nothing
}

/* A lease that its caller does not believe in is not renewed. [housekeeping.lua#sweep] */
inline lapse() {
  for (i : 0 .. ATTEMPTS - 1) {
    reply[i] = (isGrant(reply[i]) -> nothing : reply[i]);
    told[i] = false
  }
  dropLease();
  handOff()
}

/* It bears the name of the lease alone. [queue.lua#release_run] */
inline releaseNow() {
  if
  :: lease == callers -> dropLease(); handOff()
  :: else
  fi
}

proctype Release() {
end:
  d_step {
    releaseCalled -> releaseNow();
    releaseCalled = false
  }
}

proctype Lapse() {
end:
  do
  :: d_step { lease == callers && !callerBelieves && !releaseCalled -> lapse(); skip }
  od
}

/* One attempt, at a sidecar of its own; what its call does at the store, too. */
proctype Sidecar(byte a) {
end:
  do
  :: d_step { call[a] != nothing -> carryOut(a) }
     /* [acquires.ts#start attempts.ts#start] */
  :: d_step { requested[a] && attempt[a] == unasked -> attempt[a] = asking; call[a] = acquire }
     /* [acquire-call.ts#answered] */
  :: d_step {
       reply[a] == queued && attempt[a] != ended -> reply[a] = nothing; attempt[a] = waiting
     }
     /* [lane.ts#compare lane.ts#askAgain] */
  :: d_step {
       attempt[a] == waiting && call[a] == nothing && reply[a] == nothing && looks[a] < LOOKS ->
       looks[a]++; call[a] = askAgain
     }
  :: d_step { reply[a] == superseded && attempt[a] != ended -> reply[a] = nothing; refused[a] = true; attempt[a] = ended }
     /* What was answered is not undone any more. [attempt.ts#told attempt.ts#delivered] */
  :: d_step { isGrant(reply[a]) && call[a] == nothing && attempt[a] != ended -> reply[a] = nothing; told[a] = true; attempt[a] = ended }
     /* What its caller was granted is given back, [attempt.ts#forsake attempt.ts#undo attempt.ts#GiveBack] */
  :: d_step {
       hungUp[a] && call[a] == nothing && isGrant(reply[a]) && attempt[a] != ended ->
       call[a] = (reply[a] == granted -> giveBack : nothing);
       reply[a] = nothing; attempt[a] = ended
     }
     /* and a place, or a grant that it has not heard of, is cancelled. [attempt.ts#undo acquire-call.ts#undo lane.ts#cancel] */
  :: d_step {
       hungUp[a] && call[a] == nothing && (attempt[a] == asking || attempt[a] == waiting) ->
       call[a] = cancel; reply[a] = nothing; attempt[a] = ended
     }
  od
}

/* Asks, and hangs up or is refused, and asks again elsewhere, until it is told or tries no more. */
proctype Caller() {
  byte a;
  do
  :: a < ATTEMPTS ->
     requested[a] = true;
     if
     :: atomic { told[a] -> told[a] = false; callerBelieves = true; checkOver() };
        break
     :: atomic { hungUp[a] = true; a++ }
     fi
  :: else -> goto gone
  od;
  callerBelieves = false;
  releaseCalled = true;
gone:
  skip
}

proctype Rival() {
  d_step { rivalWaits = true; rivalIsFirst = waiterAttempt == NOBODY; handOff() };
  d_step { lease == rivals -> rivalBelieves = true; checkOver() };
  d_step { rivalBelieves = false; lease = free; handOff() }
}

init {
  atomic {
    for (i : 0 .. ATTEMPTS - 1) { run Sidecar(i) }
    run Release(); run Lapse(); run Caller(); run Rival()
  }
}
