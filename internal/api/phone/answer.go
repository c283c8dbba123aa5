package phone

import (
	"encoding/json"
	"log/slog"
	"net/http"

	"countersign/internal/base/errs"
	"countersign/internal/base/phonewire"
)

// statuses say a Kind in HTTP. Unavailable is 429, not 503: nothing a phone sends gets a 5xx.
var statuses = map[errs.Kind]int{
	errs.Invalid: 400, errs.Unproved: 401, errs.Denied: 403, errs.Forbidden: 403, errs.NotFound: 404,
	errs.Conflict: 409, errs.Gone: 410, errs.Limited: 429, errs.Unavailable: 429,
}

// write sends a body, or 204 for nil.
func (d *Door) write(w http.ResponseWriter, body any) {
	w.Header().Set("Cache-Control", "no-store")
	if body == nil {
		w.WriteHeader(http.StatusNoContent)
		return
	}
	send(w, http.StatusOK, body)
}

// fail is the one place where an error becomes an answer.
func (d *Door) fail(w http.ResponseWriter, r *http.Request, err error) {
	e := errs.Of(err)
	status, ok := statuses[e.Kind]
	if !ok {
		status = http.StatusInternalServerError
		if r.Context().Err() == nil {
			log := d.Log
			if log == nil {
				log = slog.Default()
			}
			log.Error("phone door", "path", r.Pattern, "error", err)
		}
	}
	if status == http.StatusTooManyRequests {
		w.Header().Set("Retry-After", "5")
	}
	pairs := make([]any, 0, 2*len(e.Args))
	for name, value := range e.Args {
		pairs = append(pairs, name, value)
	}
	w.Header().Set("Cache-Control", "no-store")
	send(w, status, phonewire.Failure{Code: e.Code, Message: d.catalogue(r).Text("error."+e.Code, pairs...), ServerTime: d.serverTime()})
}

func send(w http.ResponseWriter, status int, body any) {
	raw, err := json.Marshal(body)
	if err != nil {
		status, raw = http.StatusInternalServerError, []byte(`{"error":"internal"}`)
	}
	w.Header().Set("Content-Type", "application/json")
	w.Header().Set("X-Content-Type-Options", "nosniff")
	w.WriteHeader(status)
	w.Write(append(raw, '\n'))
}
