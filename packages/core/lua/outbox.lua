-- What is told to processes about waiters and leases they did not ask about in this call: the caller learns it from the
-- reply, the others from their inbox.

local outbox = {} -- process -> notices
local fence_base, granted = 0, 0

local function notices_for(process)
  local notices = outbox[process]
  if not notices then
    notices = { grants = {}, misfits = {}, revoked = {}, removed = 0 }
    outbox[process] = notices
  end
  return notices
end

local function encode_notices(notices)
  local function names(list)
    return #list == 0 and '[]' or '["' .. table.concat(list, '","') .. '"]'
  end
  return '[[' .. table.concat(notices.grants, ',') .. '],' .. names(notices.misfits) .. ','
    .. names(notices.revoked) .. ',' .. notices.removed .. ']'
end

local function publish_notices()
  local prefix, name
  for process, notices in pairs(outbox) do
    if process ~= caller then
      if not prefix then prefix, name = string.match(STATE, '^(.*):{(.*)}:state$') end
      redis.call(PUBLISH, INBOX_IN_SLOT and (prefix .. ':{' .. name .. '}:inbox:' .. process) or (prefix .. ':inbox:' .. process),
        string.format('["%s","%s",%.0f,%.0f,%.0f,%.0f,%s]', name, RUN_ID, now, fence_base,
          state and state.lease_ms or 0, state and state.limit or -1, encode_notices(notices)))
    end
  end
end
