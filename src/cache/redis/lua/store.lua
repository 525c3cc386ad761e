-- KEYS: epochs, entry, lease. ARGV: digest, holder, stamp of the lookup, ms to live, ms of them stale, ms it took to load,
-- value, wake channel, name for the waiters, the marks packed, and each. Answers 1 when it was stored and 0 when something was written meanwhile.
local marks = {}
for i = 11, #ARGV do marks[i - 10] = ARGV[i] end

local stored, failure = 0, nil
if stamp_of(marks) == ARGV[3] and not is_written(marks) then
  local function put()
    return redis.pcall('HSET', KEYS[2], 'digest', ARGV[1], 'marks', ARGV[10], 'stamp', ARGV[3],
      'stale', ARGV[5], 'cost', ARGV[6], 'value', ARGV[7])
  end
  -- First of all writes, so that Redis can refuse it when memory is full.
  local done = put()
  if type(done) == 'table' and done.err and string.find(done.err, 'WRONGTYPE', 1, true) then
    redis.call('DEL', KEYS[2])
    done = put()
  end
  if type(done) == 'table' and done.err then
    failure = done
  else
    redis.call('PEXPIRE', KEYS[2], ARGV[4])
    stored = 1
  end
end
if redis.call('GET', KEYS[3]) == ARGV[2] then redis.call('DEL', KEYS[3]) end
redis.call('PUBLISH', ARGV[8], ARGV[9])
return failure or stored
