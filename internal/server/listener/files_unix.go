//go:build unix

package listener

import "syscall"

// Files returns how many files this process may open: RLIMIT_NOFILE, or 0 when there is no limit. The Go runtime raises the
// soft limit to the hard limit when a program starts.
func Files() uint64 {
	var limit syscall.Rlimit
	if err := syscall.Getrlimit(syscall.RLIMIT_NOFILE, &limit); err != nil || int64(limit.Cur) < 0 {
		return 0 // unknown, or RLIM_INFINITY
	}
	return uint64(limit.Cur) // int64 on FreeBSD
}
