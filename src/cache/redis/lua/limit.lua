-- KEYS: counters. ARGV: what is done (hit, undo, look), ms of a window; of hits the time after which they are not counted, or
-- 0, of undo when the window of the hit ends. Answers {now, then hits and ms that are left for each}, both 0 where nothing is
-- counted; {now} alone when it is too late.
--
-- A counter is a number with a time to live. What has none, is no number, or lasts longer than a window is put right by the
-- next hit, so that nobody is locked out for ever. Two windows of a counter end at least their length apart, so one is known
-- by its end, and times read a moment apart do not matter.
local what, length, argument = ARGV[1], tonumber(ARGV[2]), tonumber(ARGV[3])
local time = redis.call('TIME')
local now = time[1] * 1000 + time[2] / 1000
local answer = { now }
-- They have been counted elsewhere meanwhile.
if what == 'hit' and argument > 0 and now > argument then return answer end

for at, key in ipairs(KEYS) do
  local left = redis.call('PTTL', key)
  local hits
  if what == 'hit' then
    hits = left > 0 and redis.pcall('INCR', key)
    if type(hits) ~= 'number' or hits < 1 then
      hits, left = 1, length
      redis.call('SET', key, 1, 'PX', ARGV[2])
    elseif left > length then
      left = length
      redis.call('PEXPIRE', key, ARGV[2])
    end
  else
    hits = left > 0 and tonumber(redis.pcall('GET', key)) or 0
    if hits < 1 then
      hits = 0
    elseif what == 'undo' and math.abs(now + left - argument) < length / 2 then
      hits = redis.call('DECR', key)
    end
  end
  answer[at * 2], answer[at * 2 + 1] = hits, math.max(left, 0)
end
return answer
