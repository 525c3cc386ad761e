-- KEYS: any key that begins so. ARGV: a cursor, the pattern of the keys. Forgets some of them and answers the next cursor,
-- which is 0 after the last.
local page = redis.call('SCAN', ARGV[1], 'MATCH', ARGV[2], 'COUNT', 500)
if #page[2] > 0 then redis.call('UNLINK', unpack(page[2])) end
return page[1]
