package oidc

import (
	"cmp"
	"context"
	"net/http"
	"strconv"
	"time"
)

// healthTime ends a health check whose database hangs: SDKs have patience for some seconds only, and take silence for
// a service that is down.
const healthTime = 1800 * time.Millisecond

// health answers the call SDKs make before they send a user here. Many applications let people in
// without second factor when it fails, so nothing sent here may lead to a 5xx (FAIL-1).
func (d *Door) health(w http.ResponseWriter, r *http.Request) {
	ctx, cancel := context.WithTimeout(r.Context(), cmp.Or(d.Deadline, healthTime))
	defer cancel()
	p, f := readParams(w, r)
	if f == nil && !d.ours(r.Host) {
		f = refuse(wrongHost, "host")
	}
	if f == nil {
		var client prover
		client, f = d.prove(ctx, p, HealthPath)
		if f == nil {
			f = d.spendInTime(ctx, client)
		}
	}
	if f != nil {
		d.fail(w, r, f)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"stat":"OK","response":{"timestamp":` + strconv.FormatInt(d.Now().Unix(), 10) + `}}`))
}

// spendInTime is spendAlone that does not wait for a disk that hangs in the middle of a change.
func (d *Door) spendInTime(ctx context.Context, client prover) *refusal {
	done := make(chan *refusal, 1)
	go func() { done <- d.spendAlone(ctx, client) }()
	select {
	case f := <-done:
		return f
	case <-ctx.Done():
		return shed(ctx.Err())
	}
}
