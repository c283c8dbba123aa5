package server_test

import (
	"bytes"
	"encoding/base32"
	"encoding/base64"
	"encoding/hex"
	"encoding/json"
	"io/fs"
	"net/url"
	"os"
	"path/filepath"
	"slices"
	"strings"
	"testing"

	"countersign/internal/client/phone"
	"countersign/internal/flow/directory"
	"countersign/internal/testkit"
)

// AC-024: the test searches every file except the key and the certificates for every secret of a whole sign-in, while the
// server runs and after it has stopped.
func TestAC024NoFileHoldsASecretInAnySpelling(t *testing.T) {
	dir := t.TempDir()
	p := testkit.Start(t, testkit.InFolder(dir))
	back, _ := p.Callback()
	app, key := p.App("Library")
	ana := p.User("ana")
	link := p.PairingCode(ana)
	own := p.Phone(ana, "Ana's phone")
	p.User("ben")
	invitation, err := p.Directory.Invite(t.Context(), directory.CommandLine, "ben")
	if err != nil {
		t.Fatal(err)
	}
	desk, err := p.Directory.MakeBypassCode(t.Context(), directory.CommandLine, "ben", directory.NewBypassRequest())
	if err != nil {
		t.Fatal(err)
	}
	seed := seedOf(t, own)

	v := p.Visitor()
	v.SignIn(p.SDK(app, key, back), "ana")
	at := v.At.Path
	code, err := own.Code(p.Clock.Now())
	if err != nil {
		t.Fatal(err)
	}
	v.Open(at + "/code")
	v.Send(at+"/code", "code", code)
	if v.Left == nil {
		v.Send(at + "/later")
	}
	if v.Left == nil {
		t.Fatalf("the sign-in ends at %s:\n%s", v.At, v.Page)
	}
	planted := map[string]string{
		"client secret": key, "seed of the codes": string(seed), "pairing link": link[strings.LastIndexByte(link, '/')+1:],
		"enrollment link": invitation.Link.Reveal()[strings.LastIndexByte(invitation.Link.Reveal(), '/')+1:],
		"bypass code":     desk.Code.Reveal(), "authorization code": v.Left.Query().Get("duo_code"),
	}
	for _, c := range strings.Split(v.Cookie(), "; ") {
		_, value, _ := strings.Cut(c, "=")
		planted["cookie"] = value
	}
	for name, value := range planted {
		if len(value) < 9 {
			t.Fatalf("%s is %q", name, value)
		}
	}
	look(t, dir, planted)
	p.Visitor().Open(invitation.Link.Reveal()[len(p.URL):]) // addresses with a secret in them, for the request log
	p.Visitor().Open(link[strings.Index(link, "/a/"):])
	p.Stop()
	look(t, dir, planted)
	if !strings.Contains(p.Log.String(), "/enroll/") {
		t.Error("the log that was searched does not have what happened")
	}
	for name, value := range planted {
		for how, text := range spellings(value) {
			if strings.Contains(p.Log.String(), text) {
				t.Errorf("the log holds the %s, %s", name, how)
			}
		}
	}
}

// seedOf reads the secret of a phone's passcodes from its device file.
func seedOf(t *testing.T, d *phone.Device) []byte {
	t.Helper()
	path := filepath.Join(t.TempDir(), "phone.json")
	if err := d.Save(path); err != nil {
		t.Fatal(err)
	}
	raw, err := os.ReadFile(path)
	if err != nil {
		t.Fatal(err)
	}
	var file phone.State
	if err := json.Unmarshal(raw, &file); err != nil {
		t.Fatal(err)
	}
	seed, err := base32.StdEncoding.WithPadding(base32.NoPadding).DecodeString(file.Account.OTP.Secret)
	if err != nil {
		t.Fatal(err)
	}
	return seed
}

// look searches every file for the planted secrets in every spelling.
func look(t *testing.T, dir string, planted map[string]string) {
	t.Helper()
	control := false // a value that is not secret was found, so the search works
	err := filepath.WalkDir(dir, func(path string, d fs.DirEntry, err error) error {
		if err != nil || d.IsDir() || d.Name() == "master.key" || filepath.Base(filepath.Dir(path)) == "tls" {
			return err
		}
		raw, err := os.ReadFile(path)
		if err != nil {
			return err
		}
		control = control || bytes.Contains(raw, []byte("ana@example.edu"))
		for name, value := range planted {
			for how, text := range spellings(value) {
				if bytes.Contains(raw, []byte(text)) {
					t.Errorf("%s holds the %s, %s", d.Name(), name, how)
				}
			}
		}
		return nil
	})
	if err != nil {
		t.Fatal(err)
	}
	if !control {
		t.Error("the files that were searched hold nothing")
	}
}

func spellings(value string) map[string]string {
	b := []byte(value)
	turned := slices.Clone(b)
	slices.Reverse(turned)
	return map[string]string{
		"as it is": value, "backwards": string(turned), "in hex": hex.EncodeToString(b), "in upper-case hex": strings.ToUpper(hex.EncodeToString(b)),
		"in base32": base32.StdEncoding.WithPadding(base32.NoPadding).EncodeToString(b), "in base64": base64.RawStdEncoding.EncodeToString(b),
		"in base64url": base64.RawURLEncoding.EncodeToString(b), "in an address": url.QueryEscape(value),
	}
}
