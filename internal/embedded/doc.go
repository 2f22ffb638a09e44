// Package embedded holds the parts that a bare machine lacks: a private PostgreSQL server as a
// child process and a Redis inside this one. They listen on 127.0.0.1 only and end when this
// process ends, also when it is killed.
package embedded
