package phonewire_test

import (
	"encoding/json"
	"flag"
	"os"
	"reflect"
	"testing"

	"countersign/internal/base/otp"
	"countersign/internal/base/phonewire"
)

var update = flag.Bool("update", false, "write testdata/vectors.json anew")

// vectors is also read by the app's own tests (internal/site/phoneapp/test): both sides must build the
// same bytes.
type vectors struct {
	Requests    []requestVector    `json:"requests"`
	Answers     []answerVector     `json:"answers"`
	Activations []activationVector `json:"activations"`
	Instances   []instanceVector   `json:"instances"`
	HOTP        []hotpVector       `json:"hotp"`
	Codes       map[string]string  `json:"codes"`
}
type requestVector struct {
	Method, Host, Target, Nonce, Body string
	Time                              int64
	Text                              string
}
type answerVector struct {
	Answer phonewire.Answer
	Text   string
}
type activationVector struct {
	Host       string
	Activation phonewire.Activation
	Text       string
}
type instanceVector struct{ Host, ID, Instance string }
type hotpVector struct {
	Secret  string
	Counter uint64
	Code    string
}

func buildVectors() vectors {
	var v vectors
	for _, r := range []requestVector{
		{Method: "GET", Host: "Phone.Example:8443", Target: "/phone/v1/requests/wait?after=x%20y", Nonce: "AAAAAAAAAAAAAAAAAAAAAA", Time: 1800000000000},
		{Method: "PATCH", Host: "localhost", Target: "/phone/v1/account", Nonce: "_-AAAAAAAAAAAAAAAAAAAA", Time: 1, Body: `{"name":"Änas Händi 📱"}`},
	} {
		r.Text = string(phonewire.RequestText(r.Method, r.Host, r.Target, r.Time, r.Nonce, []byte(r.Body)))
		v.Requests = append(v.Requests, r)
	}
	for _, a := range []phonewire.Answer{
		{Transaction: "6e0b", Application: "DIAAA", User: "DUBBB", Phone: "DPCCC", Decision: phonewire.Approve, Number: "042", Expires: 1800000060000, Counter: 7},
		{Transaction: "6e0b", Application: "", User: "DUBBB", Phone: "DPCCC", Decision: phonewire.Deny, Reason: phonewire.Fraud, Expires: 9007199254740991, Counter: 9007199254740991},
	} {
		v.Answers = append(v.Answers, answerVector{a, string(a.Text())})
	}
	act := phonewire.Activation{Code: "7KQM2XWN", PublicKey: "MFkw", Platform: "Android", Model: "", Name: "Änas Händi 📱", AppVersion: "1"}
	at := "Localhost:8080"
	stored := act
	stored.Instance = phonewire.Instance(at, "AAAAAAAAAAAAAAAAAAAAAA")
	v.Activations = []activationVector{{at, act, string(act.Text(at))}, {at, stored, string(stored.Text(at))}}
	v.Instances = []instanceVector{{at, "AAAAAAAAAAAAAAAAAAAAAA", stored.Instance}}
	for _, c := range []uint64{0, 1, 9, 1 << 33} {
		v.HOTP = append(v.HOTP, hotpVector{otp.Encode([]byte("12345678901234567890")), c, otp.HOTP(otp.SHA1, []byte("12345678901234567890"), c, 6)})
	}
	v.Codes = map[string]string{}
	for _, c := range []string{"7KQM-2XWN", " 7kqm 2xwn ", "oil0-abcd", "UUUU-UUUU", "hM3_Yx-0aVbQ2"} {
		v.Codes[c] = phonewire.NormalizeCode(c)
	}
	return v
}

func TestTheSharedVectorsAreWhatThisPackageMakes(t *testing.T) {
	const file = "testdata/vectors.json"
	want := buildVectors()
	if *update {
		raw, err := json.MarshalIndent(want, "", "  ")
		if err != nil {
			t.Fatal(err)
		}
		if err := os.WriteFile(file, append(raw, '\n'), 0o644); err != nil {
			t.Fatal(err)
		}
	}
	raw, err := os.ReadFile(file)
	if err != nil {
		t.Fatal(err)
	}
	var got vectors
	if err := json.Unmarshal(raw, &got); err != nil {
		t.Fatal(err)
	}
	if !reflect.DeepEqual(got, want) {
		t.Errorf("%s is not what the package makes; a changed text needs a new name (run with -update only then)", file)
	}
}
