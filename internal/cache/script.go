package cache

import (
	"github.com/redis/go-redis/v9"
)

// The scripts are sent whole: their few hundred bytes cost less than a second code path for
// a server that does not know their hash yet, which pipelines would need.

// known reads a version key; whatever is not a version there counts as absent.
const known = `
local function known(key)
  local raw = redis.pcall('GET', key)
  local digits = type(raw) == 'string' and string.match(raw, '^v(%d+)$')
  return digits and tonumber(digits)
end
`

// fillScript stores an entry unless a newer version is known, and ends the lease of its loader.
// KEYS value, version, lease; ARGV version, entry, its ms to live, the version's ms to live, token.
// Versions are compared as Lua numbers: exact to 2^53.
const fillScript = known + `
local newest = known(KEYS[2])
local landed = 0
if not newest or newest <= tonumber(ARGV[1]) then
  redis.call('SET', KEYS[2], 'v' .. ARGV[1], 'PX', ARGV[4])
  redis.call('SET', KEYS[1], ARGV[2], 'PX', ARGV[3])
  landed = 1
end
if redis.call('GET', KEYS[3]) == ARGV[5] then redis.call('DEL', KEYS[3]) end
return landed
`

// raiseScript raises a version. A full Redis refuses the SET but not the DEL, and a list without
// a version is not read from the cache either. KEYS version; ARGV version, its ms to live.
const raiseScript = known + `
local newest = known(KEYS[1])
local version = ARGV[1]
if newest and newest > tonumber(version) then
  version = string.sub(redis.call('GET', KEYS[1]), 2)
end
local set = redis.pcall('SET', KEYS[1], 'v' .. version, 'PX', ARGV[2])
if type(set) == 'table' and set.err then redis.call('DEL', KEYS[1]) end
return redis.status_reply('OK')
`

// releaseScript ends a lease if it is still ours. KEYS lease; ARGV token.
const releaseScript = `
if redis.call('GET', KEYS[1]) == ARGV[1] then return redis.call('DEL', KEYS[1]) end
return 0
`

// sharded reports whether a command may name keys of one owner only.
func sharded(client redis.UniversalClient) bool {
	_, single := client.(*redis.Client)
	return !single
}
