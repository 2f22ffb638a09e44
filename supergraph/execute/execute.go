// Package execute runs plans: it calls subgraphs, merges what they answer and writes what the
// client asked for.
//
// A body is read once, into cells that point into its own bytes; objects have a slot for every
// response key that any fetch of the plan asks for at their place, so that a merge copies cells
// and an answer is written without looking a name up. Objects that one subgraph answered for one
// representation are one object, and are written once and copied after that.
package execute
