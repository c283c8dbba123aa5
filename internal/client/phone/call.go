package phone

import (
	"bytes"
	"context"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"net/http"
	"net/url"
	"time"

	"countersign/internal/base/phonewire"
)

// Refusal is an answer of the server that is not 2xx. When its body is not one of the phone protocol, Code is
// "http".
type Refusal struct {
	Status int // HTTP
	phonewire.Failure
}

// Error returns the sentence for people and the code.
func (r *Refusal) Error() string { return fmt.Sprintf("%s (%s)", r.Message, r.Code) }

// Gone reports whether err says that the server no longer accepts this phone's key: the phone was replaced or
// removed, or is unknown.
func Gone(err error) bool {
	var r *Refusal
	return errors.As(err, &r) && (r.Code == "phone.replaced" || r.Code == "phone.removed" || r.Code == "phone.unknown")
}

// call sends one signed request with the JSON of in and reads the answer into out; both may be nil. When the
// server refuses the phone's clock, the skew is corrected by then and call tries once more.
func (d *Device) call(ctx context.Context, method, target string, in, out any) error {
	for try := 0; ; try++ {
		err := d.once(ctx, method, target, in, out)
		var r *Refusal
		if try == 0 && errors.As(err, &r) && r.Code == "phone.clock" {
			continue
		}
		return err
	}
}

// once is call without the second try.
func (d *Device) once(ctx context.Context, method, target string, in, out any) error {
	var body []byte
	if in != nil {
		var err error
		if body, err = json.Marshal(in); err != nil {
			return err
		}
	}
	d.mu.Lock()
	origin, now := d.state.Account.Origin, d.now().Add(time.Duration(d.state.Skew)*time.Millisecond)
	d.mu.Unlock()
	u, err := url.Parse(origin)
	if err != nil {
		return err
	}
	req, err := http.NewRequestWithContext(ctx, method, origin+target, bytes.NewReader(body))
	if err != nil {
		return err
	}
	auth, err := phonewire.Authorize(d.rand, d.key, method, u.Host, target, now, body)
	if err != nil {
		return err
	}
	req.Header.Set("Authorization", auth.String())
	return d.send(req, out)
}

// send does the request and reads the answer into out. From every answer it takes the server's time.
func (d *Device) send(req *http.Request, out any) error {
	req.Header.Set("Content-Type", "application/json")
	req.Header.Set("User-Agent", "countersign-phone/"+Version)
	res, err := d.http.Do(req)
	if err != nil {
		return err
	}
	defer res.Body.Close()
	raw, err := io.ReadAll(io.LimitReader(res.Body, 1<<20))
	if err != nil {
		return err
	}
	var at struct {
		ServerTime int64 `json:"server_time"`
	}
	if json.Unmarshal(raw, &at) == nil && at.ServerTime > 0 {
		d.learn(at.ServerTime)
	}
	if res.StatusCode >= 300 {
		r := &Refusal{Status: res.StatusCode}
		if json.Unmarshal(raw, &r.Failure) != nil || r.Code == "" {
			r.Code, r.Message = "http", "the server answered "+res.Status
		}
		return r
	}
	if out == nil || len(raw) == 0 {
		return nil
	}
	return json.Unmarshal(raw, out)
}

// learn keeps the difference to the server's clock. Less than two seconds count as none, because the answer's way
// through the network takes time too.
func (d *Device) learn(serverTime int64) {
	d.mu.Lock()
	defer d.mu.Unlock()
	skew := serverTime - d.now().UnixMilli()
	if skew > -2000 && skew < 2000 {
		skew = 0
	}
	d.state.Skew = skew
}
