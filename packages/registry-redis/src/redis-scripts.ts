// KEYS: the entry and its owner record. Each script is one step for everybody else.

/** ARGV: value, owner, milliseconds to live, version or ''. Whether it was written. */
export const putScript = `
if ARGV[4] ~= '' then
  local found = redis.pcall('GET', KEYS[1])
  if type(found) ~= 'string' or redis.sha1hex(found) ~= ARGV[4] then return 0 end
end
redis.call('SET', KEYS[1], ARGV[1], 'PX', ARGV[3])
redis.call('SET', KEYS[2], ARGV[2], 'PX', ARGV[3])
return 1`;

/** ARGV: owner, milliseconds to live. Whether it is there and the owner's. */
export const touchScript = `
if redis.pcall('GET', KEYS[2]) ~= ARGV[1] then return 0 end
if redis.call('PEXPIRE', KEYS[1], ARGV[2]) == 0 then return 0 end
redis.call('PEXPIRE', KEYS[2], ARGV[2])
return 1`;

/** ARGV: owner. Whether it was there and the owner's. */
export const deleteScript = `
if redis.pcall('GET', KEYS[2]) ~= ARGV[1] then return 0 end
redis.call('DEL', KEYS[2])
return redis.call('DEL', KEYS[1])`;
