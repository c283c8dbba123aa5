package command

import (
	"context"
	"strings"
	"testing"
	"time"

	"countersign/internal/domain/audit"
	"countersign/internal/flow"
	"countersign/internal/server/config"
)

// A person reads a reference to the help desk, which finds the sign-in by it.
func TestTheLogShowsTheReferenceThatPeopleReadAloud(t *testing.T) {
	s := ready(t)
	cfg, err := config.Load(s.config, nil)
	if err != nil {
		t.Fatal(err)
	}
	db, err := openDatabase(t.Context(), cfg, false)
	if err != nil {
		t.Fatal(err)
	}
	entry := audit.Authentication{ID: "DL00000000000000000001", TxID: "825e27de-ab05-4d77-851b-c2eb43544a5a", Time: time.Now(), EventType: "authentication",
		Result: audit.Denied, Reason: audit.LockedOut, Factor: audit.FactorNone, Username: "ana"}
	err = db.Write(t.Context(), func(st flow.Store) error { return st.LogAuthentication(context.Background(), entry) })
	if err != nil {
		t.Fatal(err)
	}
	if err := db.Close(); err != nil {
		t.Fatal(err)
	}
	var log []authDoc
	if s.json(&log, "log", "auth"); len(log) != 1 || log[0].Reference != "825E-27DE" {
		t.Fatalf("%+v", log)
	}
	if text := s.ok("log", "auth"); !strings.Contains(text, "825E-27DE") {
		t.Fatal(text)
	}
}
