package phone_test

import (
	"bytes"
	"context"
	"encoding/json"
	"net/http/httptest"
	"testing"
	"time"

	"countersign/internal/api/phone"
	"countersign/internal/api/phone/phonefake"
	"countersign/internal/base/errs"
	"countersign/internal/base/phonewire"
)

// heldMobile says when a call is held.
type heldMobile struct {
	*phonefake.Mobile
	held chan struct{}
}

func (m *heldMobile) Wait(ctx context.Context, phoneID string) error {
	select {
	case m.held <- struct{}{}:
	default:
	}
	return m.Mobile.Wait(ctx, phoneID)
}

// D-10: a call that was held while the phone was replaced learns that, and nothing of what waits for the new app.
func TestAHeldCallOfAReplacedPhoneLearnsNothingNew(t *testing.T) {
	h := newHouse(t)
	_, _, raw := h.call(t, h.key, "GET", "/phone/v1/requests/wait", "", nil)
	var list phonewire.RequestList
	if err := json.Unmarshal(raw, &list); err != nil {
		t.Fatal(err)
	}
	mobile := &heldMobile{Mobile: h.mobile, held: make(chan struct{}, 1)}
	h.Server = httptest.NewServer((&phone.Door{Mobile: mobile, Now: h.time, Hold: time.Minute}).Handler())
	t.Cleanup(h.Close)
	answer := make(chan []byte, 1)
	go func() {
		_, _, raw := h.call(t, h.key, "GET", "/phone/v1/requests/wait?after="+list.After, "", nil)
		answer <- raw
	}()
	<-mobile.held
	h.mobile.End(h.phone, errs.New(errs.Gone, "phone.replaced"))
	h.ask("tx-for-the-new-app", "417")
	if raw := <-answer; bytes.Contains(raw, []byte("tx-for-the-new-app")) || !bytes.Contains(raw, []byte("phone.replaced")) {
		t.Errorf("the old app is told %s", raw)
	}
}
