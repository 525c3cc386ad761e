-- KEYS: epochs, lease. ARGV: holder, wake channel, name for the waiters. They are woken only when the lease was ours.
if redis.call('GET', KEYS[2]) == ARGV[1] then
  redis.call('DEL', KEYS[2])
  redis.call('PUBLISH', ARGV[2], ARGV[3])
  return 1
end
return 0
