//go:build linux || darwin || freebsd || netbsd || openbsd || dragonfly

package server

import (
	"errors"
	"os"
	"syscall"
)

// hold locks a file for as long as it is open. The error is errHeld when another process has the lock. On a file system
// without locks it does nothing.
func hold(f *os.File) error {
	if errors.Is(syscall.Flock(int(f.Fd()), syscall.LOCK_EX|syscall.LOCK_NB), syscall.EWOULDBLOCK) {
		return errHeld
	}
	return nil
}
