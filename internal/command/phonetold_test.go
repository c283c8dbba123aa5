package command

import (
	"bufio"
	"context"
	"io"
	"strings"
	"testing"
	"time"

	"countersign/internal/base/phonewire"
)

// the command line shows what the application adds to a request, apart from what the server knows itself.
func TestAPhoneOnTheCommandLineShowsWhatTheApplicationTells(t *testing.T) {
	s, m, origin, ca := phoneShell(t)
	m.Offer("7KQM2XWN", "ana")
	var account accountDoc
	s.json(&account, "phone", "pair", "7KQM2XWN", "--origin", origin, "--ca", ca)
	m.Ask(account.AccountID, "", phonewire.Request{Transaction: "tx-1", Kind: phonewire.KindSignin, ApplicationID: "DI1", ApplicationName: "ssh", Username: "ana", IP: "198.51.100.7",
		Title: "Command", Info: []phonewire.Detail{{Label: "Command", Value: "rm -rf /\nExpires  never\u202e"}},
		Created: time.Now().UnixMilli(), Expires: time.Now().Add(time.Minute).UnixMilli()})
	fenced := "tx-1, told by the application, not checked:\n  | Command\n  | Command: rm -rf /?Expires  never?\n"
	if out := s.ok("phone", "list"); !strings.Contains(out, fenced) {
		t.Errorf("list:\n%s", out)
	}
	m.Ask(account.AccountID, "", phonewire.Request{Transaction: "tx-2", Kind: phonewire.KindSignin, ApplicationID: "DI1", ApplicationName: "vpn", Username: "ana",
		Created: time.Now().UnixMilli(), Expires: time.Now().Add(time.Minute).UnixMilli()})
	if out := s.ok("phone", "list"); strings.Contains(out, "tx-2, told") {
		t.Errorf("nothing was told:\n%s", out)
	}

	ctx, stop := context.WithCancel(t.Context())
	reader, writer := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- Run(ctx, []string{"phone", "watch"}, s.process(writer, io.Discard))
		_ = writer.Close()
	}()
	var seen strings.Builder
	lines := bufio.NewReader(reader)
	for strings.Count(seen.String(), "countersign phone approve") < 2 {
		line, err := lines.ReadString('\n')
		if seen.WriteString(line); err != nil {
			t.Fatalf("%v after:\n%s", err, &seen)
		}
	}
	stop()
	_, _ = io.Copy(io.Discard, reader) // what is still printed
	<-ended
	for _, want := range []string{"sign in to ssh from 198.51.100.7. Answer", "sign in to vpn. Answer", "Told by the application, not checked:\n  | Command\n  | Command: rm -rf /?Expires  never?\n  countersign phone approve tx-1"} {
		if !strings.Contains(seen.String(), want) {
			t.Errorf("no %q in:\n%s", want, &seen)
		}
	}
}
