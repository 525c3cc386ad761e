-- KEYS: epochs. ARGV: member, bus, whether everything is meant, ms until a write in progress is given up, the most fields of
-- the hash, and then pairs of a mark and whether a write of this member on it is in progress. Answers {era, seq}.
local member, bus = ARGV[1], ARGV[2]
although_full()
local era = redis.call('HGET', KEYS[1], '#era')
local lost = not era
if lost or ARGV[3] == '1' then era = new_era(member) end

local now = now_ms()
local marks = {}
for i = 6, #ARGV, 2 do
  local mark = ARGV[i]
  marks[#marks + 1] = mark
  redis.call('HINCRBY', KEYS[1], mark, 1)
  local writers = redis.call('HGET', KEYS[1], '!' .. mark) or ''
  if writers ~= '' or ARGV[i + 1] == '1' then
    local kept = {}
    for writer, deadline in string.gmatch(writers, '(%w+)=(%d+),') do
      if writer ~= member and tonumber(deadline) > now then kept[#kept + 1] = writer .. '=' .. deadline .. ',' end
    end
    if ARGV[i + 1] == '1' then kept[#kept + 1] = member .. '=' .. string.format('%.0f', now + ARGV[4]) .. ',' end
    if #kept == 0 then
      redis.call('HDEL', KEYS[1], '!' .. mark)
    else
      redis.call('HSET', KEYS[1], '!' .. mark, table.concat(kept))
    end
  end
end

-- Too many marks were ever written: all epochs go, and the era with them.
if redis.call('HLEN', KEYS[1]) > tonumber(ARGV[5]) then
  local kept = redis.call('HMGET', KEYS[1], '#seq', '#run')
  redis.call('DEL', KEYS[1])
  redis.call('HSET', KEYS[1], '#seq', kept[1] or '0', '#run', kept[2] or '')
  era = new_era(member)
  lost = true
end
-- An empty table would be an object in JSON.
return { era, publish(bus, era, member, #marks > 0 and marks or nil, lost) }
