package postgres

import (
	"fmt"
	"net"
	"os"
	"strings"
	"syscall"
	"testing"
)

func TestAnErrorThatComesByTwiceIsReportedOnce(t *testing.T) {
	lost := &net.OpError{Op: "read", Net: "tcp", Err: os.NewSyscallError("read", syscall.ECONNRESET)}
	once := Meaning(ctx, lost)
	if twice := Meaning(ctx, fmt.Errorf("settings: %w", once)); strings.Count(twice.Error(), "unavailable") != 1 {
		t.Error(twice)
	}
}
