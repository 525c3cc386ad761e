-- Put before every script. KEYS[1] is always the hash of the epochs.
--
-- That one hash holds everything that must be lost together: the era, the number of the last message, an epoch for each
-- mark and, with a ! before the mark, the writes in progress. If Redis evicts it, no epoch that was counted before is
-- mistaken for one that is counted now.

local function now_ms()
  local time = redis.call('TIME')
  return tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)
end

-- Redis refuses the first write of a script when memory is full, but not those that follow one that frees some. What
-- keeps the cache right takes a few bytes and must come through; values do not use this.
local function although_full()
  redis.call('HDEL', KEYS[1], '#')
end

-- Unlike any era before, also after all data was lost.
local function new_era(member)
  local time = redis.call('TIME')
  local era = time[1] .. '.' .. time[2] .. '.' .. member
  redis.call('HSET', KEYS[1], '#era', era, '#moved', string.format('%.0f', now_ms()))
  return era
end

-- The era and the epochs of marks as one string, or nothing when there is no era.
local function stamp_of(marks)
  local parts = redis.call('HMGET', KEYS[1], '#era', unpack(marks))
  if not parts[1] then return nil end
  for i = 2, #parts do parts[i] = parts[i] or '0' end
  return table.concat(parts, ',')
end

-- Whether a write on one of the marks is in progress.
local function is_written(marks)
  local fields = {}
  for i = 1, #marks do fields[i] = '!' .. marks[i] end
  local writers = redis.call('HMGET', KEYS[1], unpack(fields))
  local now
  for i = 1, #marks do
    if writers[i] then
      now = now or now_ms()
      for deadline in string.gmatch(writers[i], '=(%d+),') do
        if tonumber(deadline) > now then return true end
      end
    end
  end
  return false
end

-- Tells the other processes. With `lost`, writes in progress are unknown and must be told again.
local function publish(bus, era, member, marks, lost)
  local seq = redis.call('HINCRBY', KEYS[1], '#seq', 1)
  redis.call('PUBLISH', bus, cjson.encode({ era = era, seq = seq, by = member, marks = marks, lost = lost }))
  return seq
end
