package server_test

import (
	"context"
	"errors"
	"log/slog"
	"strings"
	"testing"
	"time"

	"countersign/internal/server"
	"countersign/internal/server/config"
	"countersign/internal/testkit"
)

// Two servers in one data folder would not hear each other's bell, and each would have rate limits of its own.
func TestOneServerAtATimeIsAtWorkInADataFolder(t *testing.T) {
	c := configuration(t.TempDir())
	first, err := open(t, c)
	if err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, c); !errors.Is(err, server.ErrOccupied) || !strings.Contains(err.Error(), c.DataDir) {
		t.Fatalf("a second server: %v", err)
	}
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	if _, err := open(t, c); err != nil {
		t.Fatalf("after the first has ended: %v", err)
	}
}

func TestANodeThatIsStartedWhileAnotherStopsTakesOver(t *testing.T) {
	c := configuration(t.TempDir())
	c.Listen, c.TLS.Mode = "127.0.0.1:0", config.TLSLocal
	first, err := open(t, c)
	if err != nil {
		t.Fatal(err)
	}
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	log, ended := &testkit.Log{}, make(chan error, 1)
	go func() { ended <- server.Run(ctx, c, server.Options{Log: slog.New(slog.NewTextHandler(log, nil))}) }()
	until := func(words string) {
		t.Helper()
		for end := time.Now().Add(time.Minute); !strings.Contains(log.String(), words); time.Sleep(5 * time.Millisecond) {
			select {
			case err := <-ended:
				t.Fatalf("ended: %v\n%s", err, log)
			default:
			}
			if time.Now().After(end) {
				t.Fatalf("nothing says %q:\n%s", words, log)
			}
		}
	}
	until("another server is at work")
	if err := first.Close(); err != nil {
		t.Fatal(err)
	}
	until("msg=serving")
	stop()
	if err := <-ended; err != nil {
		t.Fatal(err)
	}
}
