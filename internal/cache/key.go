package cache

import "strconv"

// Key names one cached list. Owner and List must not be empty nor hold a brace or a colon: the
// owner is the hash tag that keeps a list, its version and its lease on one Redis Cluster slot.
type Key struct {
	List    string // "TODAY_EVENTS"
	Owner   string // whose rows: a community slug or a division code
	Variant string // what else selects the rows, such as the Shanghai day "2026-11-21"
}

// The keys in Redis. One version stands for all variants and formats of an owner's list.

func (k Key) versionKey() string { return versionKey(k.Owner, k.List) }

func versionKey(owner, list string) string { return "lh:{" + owner + "}:v:" + list }

func (k Key) valueKey(format int) string {
	return "lh:{" + k.Owner + "}:" + k.List + ":" + strconv.Itoa(format) + ":" + k.Variant
}

func (k Key) leaseKey(format int) string {
	return "lh:{" + k.Owner + "}:lease:" + k.List + ":" + strconv.Itoa(format) + ":" + k.Variant
}

// parseVersion reads a version key's value ("v17"). The letter keeps stray numbers from passing
// for versions.
func parseVersion(raw any) (version int64, ok bool) {
	s, isString := raw.(string)
	if !isString || len(s) < 2 || s[0] != 'v' {
		return 0, false
	}
	version, err := strconv.ParseInt(s[1:], 10, 64)
	return version, err == nil && version >= 0
}
