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

func TestThePoolGrowsWithTheProcessorsAndNotForever(t *testing.T) {
	for processors, want := range map[int]int{1: 4, 2: 8, 8: 32, 64: 32} {
		if n := poolSize(processors); n != want {
			t.Errorf("%d connections for %d processors, want %d", n, processors, want)
		}
	}
	d, _ := openWired(t)
	if n := d.pool.Config().MaxConns; n != 1 {
		t.Errorf("%d connections where one was asked for", n)
	}
}
