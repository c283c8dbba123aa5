package oidc

import (
	"net/http"
	"strconv"
)

// health answers the call SDKs make before they send a user here. Many applications let people in
// without second factor when it fails, so nothing sent here may lead to a 5xx (security 0.1a).
func (d *Door) health(w http.ResponseWriter, r *http.Request) {
	p, f := readParams(w, r)
	if f == nil && !d.ours(r.Host) {
		f = refuse(wrongHost, "host")
	}
	if f == nil {
		var client prover
		client, f = d.prove(r.Context(), p, healthPath)
		if f == nil {
			f = d.spendAlone(r.Context(), client)
		}
	}
	if f != nil {
		d.fail(w, r, f)
		return
	}
	w.Header().Set("Content-Type", "application/json")
	_, _ = w.Write([]byte(`{"stat":"OK","response":{"timestamp":` + strconv.FormatInt(d.Now().Unix(), 10) + `}}`))
}
