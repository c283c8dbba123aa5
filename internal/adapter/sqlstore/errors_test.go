package sqlstore

import (
	"io/fs"
	"net"
	"os"
	"syscall"
	"testing"
)

// An error number of a file has the methods of a network's error; waiting does not mend it.
func TestAFileThatCannotBeReadIsNotWaitedFor(t *testing.T) {
	if err := (&fs.PathError{Op: "read", Path: "master.key", Err: syscall.EISDIR}); Passing(err) {
		t.Errorf("%v is waited for", err)
	}
	for _, err := range []error{ErrUnavailable.With(&fs.PathError{Op: "open", Path: "x.db", Err: syscall.ENOSPC}),
		&net.OpError{Op: "dial", Net: "tcp", Err: os.NewSyscallError("connect", syscall.ECONNREFUSED)}} {
		if !Passing(err) {
			t.Errorf("%v is not waited for", err)
		}
	}
}
