package main

import (
	"errors"
	"fmt"
	"net"
	"net/http"
	"syscall"

	"linhui/cmd/linhui/gateway"
)

// addresses are where a gateway listens. An empty one is not listened on.
type addresses struct{ public, subgraph, ops string }

// listeners are the open addresses, nil where there is none.
type listeners struct{ public, subgraph, ops net.Listener }

func (a addresses) listen() (l listeners, err error) {
	for _, one := range []struct {
		addr string
		at   *net.Listener
	}{{a.public, &l.public}, {a.subgraph, &l.subgraph}, {a.ops, &l.ops}} {
		if one.addr == "" {
			continue
		}
		open, err := net.Listen("tcp", one.addr)
		if err == nil {
			*one.at = open
			continue
		}
		l.close()
		if errors.Is(err, syscall.EADDRINUSE) {
			return l, fmt.Errorf("%s is in use by another program: stop it, or give another address, as in ADDR=127.0.0.1:8081", one.addr)
		}
		return l, fmt.Errorf("%s cannot be listened on, give an address such as 127.0.0.1:8080: %w", one.addr, err)
	}
	return l, nil
}

// close closes what is open; what a server has closed already may be closed again.
func (l listeners) close() {
	for _, one := range []net.Listener{l.public, l.subgraph, l.ops} {
		if one != nil {
			one.Close()
		}
	}
}

// answered joins each listener with what answers there.
func (l listeners) answered(public, subgraph, ops http.Handler) []gateway.Listener {
	list := []gateway.Listener{{Listener: l.public, Handler: public}}
	if l.subgraph != nil {
		list = append(list, gateway.Listener{Listener: l.subgraph, Handler: subgraph})
	}
	if l.ops != nil {
		list = append(list, gateway.Listener{Listener: l.ops, Handler: ops})
	}
	return list
}

// onlyHere reports whether an address is reachable from this machine alone.
func onlyHere(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
