// Package phone is a phone without a screen. It pairs, lists requests, approves, denies and makes passcodes by
// the same protocol as the app (docs/protocol/phone.md). `countersign phone`, the virtual phone of the demo and
// tests use it.
package phone

import (
	"crypto/ecdsa"
	"crypto/elliptic"
	"crypto/rand"
	"crypto/x509"
	"encoding/hex"
	"encoding/json"
	"errors"
	"fmt"
	"io"
	"io/fs"
	"net/http"
	"os"
	"path/filepath"
	"sync"
	"time"

	"countersign/internal/base/otp"
	"countersign/internal/base/phonewire"
)

// Version is the app version that the device reports to the server.
const Version = "cli-1"

// Device is one paired account. It is safe for concurrent use. When it has a path, it saves itself after each
// change of a counter.
type Device struct {
	http *http.Client
	now  func() time.Time
	rand io.Reader
	path string // of the device file; "": in memory only
	key  *ecdsa.PrivateKey

	mu    sync.Mutex
	state State
}

// State is the device file: JSON, mode 0600. It holds the private key and the secret of the passcodes.
type State struct {
	Version int               `json:"version"` // 1
	Account phonewire.Account `json:"account"`
	Key     []byte            `json:"key"`      // PKCS #8
	Counter int64             `json:"counter"`  // of the last answer
	OTPNext uint64            `json:"otp_next"` // moving factor of the next HOTP code
	Skew    int64             `json:"skew"`     // server time minus this clock, milliseconds
}

// Options of Pair and Load. The zero value works with a pairing link.
type Options struct {
	Origin     string           // needed for typed codes, e.g. https://sign.example
	HTTPClient *http.Client     // nil: http.DefaultClient. For Wait its timeout must exceed 30 s
	Name       string           // name of the phone; "" lets the server choose
	Platform   string           // "" means "Command line"
	Model      string           // may be empty
	Path       string           // device file; "" keeps the device in memory
	Now        func() time.Time // nil: time.Now
	Rand       io.Reader        // nil: crypto/rand
}

// device makes a Device without key and account.
func (o Options) device() *Device {
	d := &Device{http: o.HTTPClient, now: o.Now, rand: o.Rand, path: o.Path}
	if d.http == nil {
		d.http = http.DefaultClient
	}
	if d.now == nil {
		d.now = time.Now
	}
	if d.rand == nil {
		d.rand = rand.Reader
	}
	return d
}

// Load opens a device file. When o.Origin is set, it replaces the one in the file. The error is fs.ErrNotExist
// when there is no file; other errors say what is wrong with it.
func Load(path string, o Options) (*Device, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	o.Path = path
	d := o.device()
	if err := json.Unmarshal(raw, &d.state); err != nil {
		return nil, fmt.Errorf("device file %s: %w", path, err)
	}
	if d.state.Version != 1 {
		return nil, fmt.Errorf("device file %s: version %d is not known here", path, d.state.Version)
	}
	parsed, err := x509.ParsePKCS8PrivateKey(d.state.Key)
	if err != nil {
		return nil, fmt.Errorf("device file %s: %w", path, err)
	}
	key, ok := parsed.(*ecdsa.PrivateKey)
	if !ok || key.Curve != elliptic.P256() {
		return nil, fmt.Errorf("device file %s: the key is not on P-256", path)
	}
	d.key = key
	if o.Origin != "" {
		d.state.Account.Origin = o.Origin
	}
	return d, nil
}

// Save writes the device file. From then on the device saves itself there.
func (d *Device) Save(path string) error {
	d.mu.Lock()
	defer d.mu.Unlock()
	d.path = path
	return d.save()
}

// save replaces the file in one step, so that a crash never loses the key. The caller holds d.mu.
func (d *Device) save() error {
	if d.path == "" {
		return nil
	}
	raw, err := json.MarshalIndent(d.state, "", "  ")
	if err != nil {
		return err
	}
	if err := os.MkdirAll(filepath.Dir(d.path), 0o700); err != nil {
		return err
	}
	file, err := os.CreateTemp(filepath.Dir(d.path), ".phone-*") // mode 0600
	if err != nil {
		return err
	}
	defer os.Remove(file.Name())
	_, err = file.Write(append(raw, '\n'))
	err = errors.Join(err, file.Sync(), file.Close())
	if err != nil {
		return err
	}
	return os.Rename(file.Name(), d.path)
}

// instanceFile keeps the random name of a folder with device files: accounts in one folder are one device.
const instanceFile = ".phone-folder"

// instance names the folder of the device file to a server, and makes its name when it has none. A device in memory has none.
func (d *Device) instance(host string) (string, error) {
	if d.path == "" {
		return "", nil
	}
	path := filepath.Join(filepath.Dir(d.path), instanceFile)
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return "", err
	}
	id, err := os.ReadFile(path)
	if errors.Is(err, fs.ErrNotExist) {
		id = make([]byte, 16)
		if _, err = io.ReadFull(d.rand, id); err == nil {
			id = []byte(hex.EncodeToString(id))
			err = os.WriteFile(path, id, 0o600)
		}
	}
	if err != nil {
		return "", err
	}
	return phonewire.Instance(host, string(id)), nil
}

// Account returns the server's answer to the pairing, without the secret of the passcodes.
func (d *Device) Account() phonewire.Account {
	d.mu.Lock()
	defer d.mu.Unlock()
	a := d.state.Account
	a.OTP.Secret = ""
	return a
}

// Code makes the next passcode. For HOTP it increments the counter and saves it. now is the phone's clock; the
// known difference to the server's is added.
func (d *Device) Code(now time.Time) (string, error) {
	d.mu.Lock()
	defer d.mu.Unlock()
	o := d.state.Account.OTP
	secret, err := otp.Decode(o.Secret)
	if err != nil {
		return "", err
	}
	if o.Type == "totp" {
		now = now.Add(time.Duration(d.state.Skew) * time.Millisecond)
		return otp.TOTP(otp.SHA1, secret, now, time.Duration(o.Period)*time.Second, o.Digits), nil
	}
	code := otp.HOTP(otp.SHA1, secret, d.state.OTPNext, o.Digits)
	d.state.OTPNext++
	return code, d.save()
}
