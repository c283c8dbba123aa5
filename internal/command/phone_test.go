package command

import (
	"bufio"
	"context"
	"encoding/json"
	"encoding/pem"
	"io"
	"net/http/httptest"
	"os"
	"path/filepath"
	"strings"
	"testing"
	"time"

	door "countersign/internal/api/phone"
	"countersign/internal/api/phone/phonefake"
	"countersign/internal/base/phonewire"
)

// phoneShell returns a shell and a server that has the phone protocol only, over TLS, with the file of its authority.
func phoneShell(t *testing.T) (s *shell, m *phonefake.Mobile, origin, ca string) {
	t.Helper()
	s = newShell(t)
	m = &phonefake.Mobile{Organisation: "Northfield", Now: time.Now}
	server := httptest.NewTLSServer((&door.Door{Mobile: m, Now: time.Now}).Handler())
	t.Cleanup(server.Close)
	m.Origin = server.URL
	ca = filepath.Join(s.dir, "ca.pem")
	block := pem.EncodeToMemory(&pem.Block{Type: "CERTIFICATE", Bytes: server.Certificate().Raw})
	if err := os.WriteFile(ca, block, 0o600); err != nil {
		t.Fatal(err)
	}
	return s, m, server.URL, ca
}

func ask(m *phonefake.Mobile, account, number, tx string) {
	m.Ask(account, number, phonewire.Request{Transaction: tx, Kind: phonewire.KindSignin, ApplicationID: "DI1", ApplicationName: "Payroll", Username: "ana",
		NumberDigits: len(number), Created: time.Now().UnixMilli(), Expires: time.Now().Add(time.Minute).UnixMilli()})
}

func TestAPhoneOnTheCommandLinePairsAnswersAndMakesCodes(t *testing.T) {
	s, m, origin, ca := phoneShell(t)
	m.Offer("7KQM2XWN", "ana")
	if code, _, bad := s.run("phone", "list"); code != exitFailed || !strings.Contains(bad, "phone pair") {
		t.Fatalf("exit %d: %s", code, bad)
	}
	if code, _, bad := s.run("phone", "pair", "7KQM-2XWN"); code != exitUsage || !strings.Contains(bad, "--origin") {
		t.Fatalf("exit %d: %s", code, bad)
	}
	if code, _, bad := s.run("phone", "pair", "7KQM-2XWN", "--origin", origin); code != exitFailed || !strings.Contains(bad, "--ca") {
		t.Fatalf("without the authority: exit %d: %s", code, bad)
	}
	if code, _, bad := s.run("phone", "pair", "ftp://somewhere/a/CODE"); code != exitFailed || !strings.Contains(bad, "not a pairing link") {
		t.Fatalf("exit %d: %s", code, bad)
	}
	var account accountDoc
	s.json(&account, "phone", "pair", "7kqm-2xwn", "--origin", origin, "--ca", ca, "--name", "Desk")
	if account.Username != "ana" || account.PhoneName != "Desk" || account.State != filepath.Join(s.dir, ".config", "countersign", "phone.json") {
		t.Fatalf("%+v", account)
	}
	if info, err := os.Stat(account.State); err != nil || info.Mode().Perm() != 0o600 {
		t.Fatalf("the private key's file: %v %v", info.Mode(), err)
	}

	var list struct {
		Accounts []accountDoc `json:"accounts"`
		Requests []requestDoc `json:"requests"`
	}
	s.json(&list, "phone", "list") // the authority was kept
	if len(list.Accounts) != 1 || len(list.Requests) != 0 {
		t.Fatalf("%+v", list)
	}
	ask(m, account.AccountID, "417", "tx-1")
	s.json(&list, "phone", "list")
	if len(list.Requests) != 1 || list.Requests[0].NumberDigits != 3 || list.Requests[0].AccountID != account.AccountID {
		t.Fatalf("%+v", list.Requests)
	}
	if code, _, bad := s.run("phone", "approve"); code != exitFailed || !strings.Contains(bad, "--number") {
		t.Fatalf("exit %d: %s", code, bad)
	}
	var outcome outcomeDoc
	s.json(&outcome, "phone", "approve", "--number", "417")
	if outcome.State != "approved" || outcome.Transaction != "tx-1" {
		t.Fatalf("%+v", outcome)
	}
	ask(m, account.AccountID, "417", "tx-2")
	for _, mistyped := range []string{"41", "4l7", "4177"} { // no number of three digits, so not a wrong one either
		if code, _, bad := s.run("phone", "approve", "tx-2", "--number", mistyped); code != exitFailed || !strings.Contains(bad, "3 digits") {
			t.Fatalf("%s: exit %d: %s", mistyped, code, bad)
		}
	}
	code, _, bad := s.run("phone", "approve", "tx-2", "--number", "418", "--json")
	var p problem
	if err := json.Unmarshal([]byte(bad), &p); err != nil || code != exitFailed || p.Error != "phone.outcome.wrong_number" {
		t.Fatalf("exit %d: %s", code, bad)
	}
	ask(m, account.AccountID, "", "tx-3")
	s.json(&outcome, "phone", "deny", "tx-3", "--reason", "fraud")
	if outcome.State != "reported" {
		t.Fatalf("%+v", outcome)
	}
	if code, _, bad := s.run("phone", "approve", "tx-3"); code != exitFailed || !strings.Contains(bad, "no such open request") {
		t.Fatalf("exit %d: %s", code, bad)
	}
	if a, b := s.ok("phone", "code"), s.ok("phone", "code"); len(strings.TrimSpace(a)) != 6 || a == b {
		t.Fatalf("codes %q and %q", a, b)
	}
}

func TestAPhoneHasSeveralAccounts(t *testing.T) {
	s, m, origin, ca := phoneShell(t)
	var ana, ben accountDoc
	m.Offer("7KQM2XWN", "ana")
	s.json(&ana, "phone", "pair", "7KQM2XWN", "--origin", origin, "--ca", ca)
	m.Offer("8KQM2XWN", "ben")
	s.json(&ben, "phone", "pair", "8KQM2XWN", "--origin", origin, "--ca", ca)
	if filepath.Base(ben.State) != "phone.2.json" {
		t.Fatalf("%+v", ben)
	}
	if code, _, bad := s.run("phone", "code"); code != exitUsage || !strings.Contains(bad, "--account") {
		t.Fatalf("exit %d: %s", code, bad)
	}
	s.ok("phone", "code", "--account", "ben")
	if code, _, bad := s.run("phone", "code", "--account", "eve"); code != exitFailed || !strings.Contains(bad, "eve") {
		t.Fatalf("exit %d: %s", code, bad)
	}
	ask(m, ben.AccountID, "", "tx-1")
	var outcome outcomeDoc
	s.json(&outcome, "phone", "approve")
	if outcome.AccountID != ben.AccountID {
		t.Fatalf("%+v", outcome)
	}
}

func TestWatchPrintsRequestsAsTheyCome(t *testing.T) {
	s, m, origin, ca := phoneShell(t)
	m.Offer("7KQM2XWN", "ana")
	var account accountDoc
	s.json(&account, "phone", "pair", "7KQM2XWN", "--origin", origin, "--ca", ca)
	ctx, stop := context.WithCancel(t.Context())
	defer stop()
	reader, writer := io.Pipe()
	ended := make(chan int, 1)
	go func() {
		ended <- Run(ctx, []string{"phone", "watch", "--json"}, s.process(writer, io.Discard))
		_ = writer.Close()
	}()
	ask(m, account.AccountID, "417", "tx-1")
	line, err := bufio.NewReader(reader).ReadString('\n')
	var q requestDoc
	if err != nil || json.Unmarshal([]byte(line), &q) != nil || q.Transaction != "tx-1" || q.AccountID != account.AccountID {
		t.Fatalf("%q %v", line, err)
	}
	stop()
	if code := <-ended; code != exitDone {
		t.Fatalf("exit %d", code)
	}
}
