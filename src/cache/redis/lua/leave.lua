-- KEYS: epochs, members. ARGV: member.
return redis.call('ZREM', KEYS[2], ARGV[1])
