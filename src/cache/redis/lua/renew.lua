-- KEYS: epochs, leases. ARGV: ms, the holder of each.
for i = 2, #KEYS do
  if redis.call('GET', KEYS[i]) == ARGV[i] then redis.call('PEXPIRE', KEYS[i], ARGV[1]) end
end
return 1
