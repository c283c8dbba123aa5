package auth

import (
	"context"
	"net/http"
	"strconv"
	"strings"

	"countersign/internal/api/reply"
	"countersign/internal/base/qr"
)

type png []byte

func (p png) write(w http.ResponseWriter) {
	h := w.Header()
	h.Set("Content-Type", "image/png")
	h.Set("Content-Length", strconv.Itoa(len(p)))
	_, _ = w.Write(p) // the caller may be gone
}

func (d *Door) logo(context.Context, call) (any, error) {
	if len(d.Logo) == 0 {
		return nil, reply.ErrNotFound
	}
	return png(d.Logo), nil
}

// pixels of one module.
const pixels = 8

// qr draws a pairing link of ours, for pages and mails of applications. It draws nothing else: a picture from
// this address is trusted.
func (d *Door) qr(w http.ResponseWriter, r *http.Request) {
	link := r.URL.Query().Get("value")
	if code, ok := strings.CutPrefix(link, d.PublicURL+"/a/"); !ok || !codeShaped(code) {
		d.answer(w, r, QRAt, nil, reply.ErrNotFound)
		return
	}
	picture, err := qr.PNG(link, pixels)
	if err != nil {
		d.answer(w, r, QRAt, nil, err)
		return
	}
	w.Header().Set("Cross-Origin-Resource-Policy", "cross-origin") // other sites' pages show it
	w.Header().Set("Cache-Control", "no-store")
	png(picture).write(w)
}
