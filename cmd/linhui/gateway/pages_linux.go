package gateway

import (
	"bytes"
	"os"
	"strconv"
	"syscall"
)

// ReleaseCode gives back the pages of the program's code that only its start called: 10 to 18 MB, most of it of packages that
// a gateway does not use. What is called again comes from the page cache.
func ReleaseCode() {
	exe, err := os.Readlink("/proc/self/exe")
	if err != nil {
		return
	}
	maps, err := os.ReadFile("/proc/self/maps")
	if err != nil {
		return
	}
	for line := range bytes.Lines(maps) {
		f := bytes.Fields(line) // addresses, permissions, offset, device, inode, path
		if len(f) != 6 || string(f[1]) != "r-xp" || string(f[5]) != exe {
			continue
		}
		from, to, _ := bytes.Cut(f[0], []byte("-"))
		start, err := strconv.ParseUint(string(from), 16, 64)
		if err != nil {
			return
		}
		end, err := strconv.ParseUint(string(to), 16, 64)
		if err != nil {
			return
		}
		// Code is mapped read-only from the file, so nothing is lost by it.
		_, _, _ = syscall.Syscall(syscall.SYS_MADVISE, uintptr(start), uintptr(end-start), syscall.MADV_DONTNEED)
	}
}
