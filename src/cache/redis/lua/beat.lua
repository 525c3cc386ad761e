-- KEYS: epochs, members. ARGV: member, bus, what it is (join: a new member; return: one that lost contact; beat), ms of
-- silence after which a member may be writing without being able to tell, ms after which it is forgotten, ms between
-- two eras that are begun for silent members, ms that the two keys outlive the last beat. Answers {era, seq}.
local member, bus, what = ARGV[1], ARGV[2], ARGV[3]
local silent, forget, pause = tonumber(ARGV[4]), tonumber(ARGV[5]), tonumber(ARGV[6])
although_full()
local now = now_ms()
local function ms(number) return string.format('%.0f', number) end

local state = redis.call('HMGET', KEYS[1], '#era', '#seq', '#run', '#moved')
local era, seq = state[1], tonumber(state[2] or '0')
local lost = not era
local move = lost or what == 'return'

-- Another server, or the same one started again: what it holds may be older than what was confirmed. A cluster changes the
-- server without breaking a connection.
local info = redis.pcall('INFO', 'server')
local run = type(info) == 'string' and string.match(info, 'run_id:(%x+)') or ''
if run ~= (state[3] or '') or (run == '' and what ~= 'beat') then
  redis.call('HSET', KEYS[1], '#run', run)
  move = true
end

-- ~ is always there. Without it the members were evicted, and one of them may have been silent.
if not redis.call('ZSCORE', KEYS[2], '~') then
  redis.call('ZADD', KEYS[2], '+inf', '~')
  if era then redis.call('ZADD', KEYS[2], ms(now - silent - 1), '?') end
end
redis.call('ZADD', KEYS[2], ms(now), member)
redis.call('ZREMRANGEBYSCORE', KEYS[2], '-inf', ms(now - forget))
-- The clock of Redis went back: who was heard of in what is now the future counts as silent from here on.
for _, other in ipairs(redis.call('ZRANGEBYSCORE', KEYS[2], ms(now + silent), '(inf', 'LIMIT', 0, 1000)) do
  redis.call('ZADD', KEYS[2], ms(now - silent - 1), other)
end
local since = now - tonumber(state[4] or '0')
if redis.call('ZCOUNT', KEYS[2], '-inf', ms(now - silent)) > 0 and (since >= pause or since < 0) then
  move = true
end

if move then
  era = new_era(member)
  seq = publish(bus, era, member, nil, lost)
end
redis.call('PEXPIRE', KEYS[1], ARGV[7])
redis.call('PEXPIRE', KEYS[2], ARGV[7])
return { era, seq }
