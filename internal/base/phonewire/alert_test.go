package phonewire_test

import (
	"encoding/json"
	"testing"

	"countersign/internal/base/phonewire"
)

// PAGE-2: the worker reads the one half of an alert, a system without it the other (web_push 8030 marks it as one).
func TestAnAlertIsGoodWithAndWithoutAWorker(t *testing.T) {
	text, err := json.Marshal(phonewire.NewAlert("Payroll", "Is that you, ana?", "https://sign.example.edu", "/app/#/r/T1", "DP1", "T1"))
	if err != nil {
		t.Fatal(err)
	}
	var got map[string]any
	if err := json.Unmarshal(text, &got); err != nil {
		t.Fatal(err)
	}
	shown, _ := got["notification"].(map[string]any)
	if got["web_push"] != 8030.0 || shown["navigate"] != "https://sign.example.edu/app/#/r/T1" || got["url"] != "/app/#/r/T1" {
		t.Errorf("%s", text)
	}
	for _, field := range []string{"title", "body"} {
		if shown[field] != got[field] || got[field] == nil {
			t.Errorf("%s: the worker shows %v, a system without it %v", field, got[field], shown[field])
		}
	}
	if shown["tag"] != "T1" {
		t.Errorf("a second alert of a request would not take the place of the first: %s", text)
	}
}
