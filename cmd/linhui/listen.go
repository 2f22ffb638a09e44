package main

import (
	"errors"
	"fmt"
	"net"
	"syscall"

	"linhui/cmd/linhui/gateway"
)

// listen opens the public address and, unless it is empty, the subgraph's.
func listen(public, subgraph string) ([]gateway.Listener, error) {
	var list []gateway.Listener
	for _, addr := range []string{public, subgraph} {
		if addr == "" && len(list) > 0 {
			continue
		}
		l, err := net.Listen("tcp", addr)
		if err != nil {
			closeAll(list)
			if errors.Is(err, syscall.EADDRINUSE) {
				return nil, fmt.Errorf("%s is in use by another program: stop it, or give another address, as in ADDR=127.0.0.1:8081", addr)
			}
			return nil, fmt.Errorf("%s cannot be listened on, give an address such as 127.0.0.1:8080: %w", addr, err)
		}
		list = append(list, gateway.Listener{Listener: l})
	}
	return list, nil
}

// closeAll closes listeners, those that a server has closed already too.
func closeAll(list []gateway.Listener) {
	for _, l := range list {
		l.Close()
	}
}

// onlyHere reports whether an address is reachable from this machine alone.
func onlyHere(addr net.Addr) bool {
	tcp, ok := addr.(*net.TCPAddr)
	return ok && tcp.IP.IsLoopback()
}
