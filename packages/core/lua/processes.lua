-- The processes that call: when each was last seen, its last batch, and a digest of what it waits for.
--
-- The digest is the sum of the sequence numbers of a process's queued waiters. A process that computes another one from
-- what it was told has missed a push, was silent and is parked, or meets a server that lost its state: it asks again.

local DIGEST_MODULUS = 4294967296

local processes = {} -- id -> record, or false where there is none
local touched = {}

local function process_of(id)
  local process = processes[id]
  if process ~= nil then return process end
  local packed = state and redis.call('HGET', PROCESSES, id)
  process = false
  if packed then
    local seen_at, last_batch, digest = cmsgpack.unpack(packed)
    process = { seen_at = seen_at, batch = last_batch, digest = digest }
  end
  processes[id] = process
  return process
end

local function new_process(id)
  processes[id] = { seen_at = now, batch = 0, digest = 0 }
  return processes[id]
end

local function touch_process(id)
  touched[id] = true
end

local function digest_add(id, sequence)
  local process = process_of(id)
  if not process then return end
  process.digest = (process.digest + sequence) % DIGEST_MODULUS
  touched[id] = true
end

local function is_silent(process, lease_ms)
  return now - process.seen_at > lease_ms
end

local function flush_processes()
  local changes = {}
  for id in pairs(touched) do
    local process = processes[id]
    if process then
      changes[#changes + 1] = id
      changes[#changes + 1] = cmsgpack.pack(process.seen_at, process.batch, process.digest)
    end
  end
  redis.call('HSET', PROCESSES, unpack(changes))
end
