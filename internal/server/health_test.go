package server

import (
	"context"
	"net/http"
	"net/http/httptest"
	"path/filepath"
	"testing"
	"time"

	"countersign/internal/adapter/sqlstore"
	"countersign/internal/flow"
)

// full is a database on a full disk.
type full struct{ flow.DB }

func (full) Write(context.Context, func(flow.Store) error) error { return sqlstore.ErrUnavailable }

// AC-075: a node that cannot write to its database lets nobody sign in, so it is not ready.
func TestANodeThatCannotWriteIsNotReady(t *testing.T) {
	db, err := sqlstore.Open(t.Context(), sqlstore.Options{Path: filepath.Join(t.TempDir(), "x.db")})
	if err != nil {
		t.Fatal(err)
	}
	defer db.Close()
	if err := db.Migrate(t.Context()); err != nil {
		t.Fatal(err)
	}
	for name, c := range map[string]struct {
		db   flow.DB
		want int
	}{"sound": {db, http.StatusOK}, "full": {full{db}, http.StatusServiceUnavailable}} {
		h := &health{DB: flow.PartOf[probe](c.db), Deadline: time.Minute}
		for range 2 { // the second answer is the first one's
			w := httptest.NewRecorder()
			if h.ready(w, httptest.NewRequest("GET", "/readyz", nil)); w.Code != c.want {
				t.Errorf("%s: %d %s", name, w.Code, w.Body)
			}
		}
	}
}
