// Package plan turns an operation on a supergraph into a tree of fetches. It is pure: the same supergraph
// and operation give the same plan, byte for byte.
package plan
