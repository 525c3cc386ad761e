-- KEYS: epochs, entry, lease. ARGV: what is asked, digest, who asks, milliseconds of a lease, marks.
-- Answers: {hit, ms to live, ms of them stale, ms it took to load, value, stamp when the lease was taken} or {lead, stamp}
-- or {wait, ms} or {off}.
local asked, digest, holder, lease_ms = ARGV[1], ARGV[2], ARGV[3], ARGV[4]
local HIT, LEAD, WAIT, OFF = 1, 2, 3, 0

local marks = {}
for i = 5, #ARGV do marks[i - 4] = ARGV[i] end

if asked ~= 'refresh' then
  -- A key of this name that is no hash is somebody else's: a miss.
  local entry = redis.pcall('HMGET', KEYS[2], 'digest', 'marks', 'stamp', 'stale', 'cost', 'value')
  if not entry.err and entry[1] == digest and entry[6] then
    local read, own = pcall(cjson.decode, entry[2])
    if read and type(own) == 'table' and #own > 0 and stamp_of(own) == entry[3] then
      local left, stale = redis.call('PTTL', KEYS[2]), tonumber(entry[4])
      local stamp = false
      -- Stale: whoever takes the lease refreshes it.
      if asked == 'lead' and left <= stale and not is_written(marks) then
        local taken = redis.pcall('SET', KEYS[3], holder, 'NX', 'PX', lease_ms)
        stamp = taken and not taken.err and stamp_of(marks)
      end
      return { HIT, left, stale, tonumber(entry[5]), entry[6], stamp }
    end
  end
end

local stamp = stamp_of(marks)
-- Nothing could be stored: no era yet, or a write in progress.
if not stamp or is_written(marks) then return { OFF } end
if asked == 'read' then return { LEAD, stamp } end
local taken = redis.pcall('SET', KEYS[3], holder, 'NX', 'PX', lease_ms)
if taken and taken.err then return { OFF } end
if taken then return { LEAD, stamp } end
return { WAIT, redis.call('PTTL', KEYS[3]) }
