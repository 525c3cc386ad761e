-- KEYS: a counter. ARGV: what is done (hit, undo, look), ms of a window; of a hit the time after which it is not counted, or
-- 0, of undo the window that the hit was counted in. Answers {now, hits, end of the window}, or {now} when there is none.
--
-- A counter is '<hits> <end>'. The end is the name of its window, and written together with the time to live, so that no
-- counter stays for ever. What is no counter, or ends later than a window can, is put right by the next hit.
local what, length, argument = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = tonumber(time[1]) * 1000 + math.floor(tonumber(time[2]) / 1000)

local hits, ends = 0, 0
local kept = redis.pcall('GET', KEYS[1])
if type(kept) == 'string' then
  local first, second = string.match(kept, '^(%d+) (%d+)$')
  if first and #first < 16 and #second < 16 then hits, ends = tonumber(first), tonumber(second) end
end
if ends <= now then hits = 0 end

local function put(count)
  hits = count
  redis.call('SET', KEYS[1], string.format('%.0f %.0f', hits, ends), 'PX', string.format('%.0f', ends - now))
end

if what == 'hit' then
  -- It has been counted elsewhere meanwhile.
  if argument > 0 and now > argument then return { now } end
  if ends <= now or ends > now + length then ends = now + length end
  put(hits + 1)
elseif what == 'undo' and ends == argument and hits > 0 then
  put(hits - 1)
end
if ends <= now then return { now } end
return { now, hits, ends }
