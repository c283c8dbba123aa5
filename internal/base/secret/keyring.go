package secret

import (
	"context"
	"crypto/aes"
	"crypto/cipher"
	"crypto/hkdf"
	"crypto/hmac"
	"crypto/rand"
	"crypto/sha256"
	"encoding/base64"
	"encoding/json"
	"errors"
	"fmt"
	"hash"
	"os"
	"path/filepath"
	"sync"

	"golang.org/x/crypto/argon2"
)

// ErrUnsealable reports a sealed value that does not open: wrong key, or moved or altered.
var ErrUnsealable = errors.New("sealed value does not open with this keyring")

// Keyring holds the master keys. It lives in a file outside the database (mode 0400).
// Several keys may be loaded; Current seals, any opens.
type Keyring struct {
	current byte
	keys    map[byte]*masterKey
	slow    chan struct{} // bounds concurrent Argon2id work, 19 MiB each
}

type masterKey struct {
	root    []byte
	mu      sync.RWMutex
	derived map[string][]byte
	aeads   map[string]cipher.AEAD
	macs    sync.Map // purpose -> *sync.Pool of hash.Hash
}

type keyringFile struct {
	Current byte            `json:"current"`
	Keys    map[byte]string `json:"keys"` // id -> base64 of 32 bytes
}

// Generate makes a keyring with one fresh key, in memory only.
func Generate() *Keyring {
	root := make([]byte, 32)
	if _, err := rand.Read(root); err != nil {
		panic(err)
	}
	return newKeyring(1, map[byte][]byte{1: root})
}

func newKeyring(current byte, roots map[byte][]byte) *Keyring {
	k := &Keyring{current: current, keys: map[byte]*masterKey{}, slow: make(chan struct{}, 4)}
	for id, root := range roots {
		k.keys[id] = &masterKey{root: root, derived: map[string][]byte{}, aeads: map[string]cipher.AEAD{}}
	}
	return k
}

// Load reads a keyring file.
func Load(path string) (*Keyring, error) {
	raw, err := os.ReadFile(path)
	if err != nil {
		return nil, err
	}
	var f keyringFile
	if err := json.Unmarshal(raw, &f); err != nil {
		return nil, fmt.Errorf("master key file %s: %w", path, err)
	}
	roots := map[byte][]byte{}
	for id, text := range f.Keys {
		root, err := base64.StdEncoding.DecodeString(text)
		if err != nil || len(root) != 32 {
			return nil, fmt.Errorf("master key file %s: key %d is not 32 bytes of base64", path, id)
		}
		roots[id] = root
	}
	if roots[f.Current] == nil {
		return nil, fmt.Errorf("master key file %s: current key %d is missing", path, f.Current)
	}
	return newKeyring(f.Current, roots), nil
}

// Create writes a new keyring file (mode 0400, synced) and fails when the file exists.
func Create(path string) (*Keyring, error) {
	k := Generate()
	f := keyringFile{Current: k.current, Keys: map[byte]string{}}
	for id, key := range k.keys {
		f.Keys[id] = base64.StdEncoding.EncodeToString(key.root)
	}
	raw, err := json.MarshalIndent(f, "", "  ")
	if err != nil {
		return nil, err
	}
	if err := os.MkdirAll(filepath.Dir(path), 0o700); err != nil {
		return nil, err
	}
	file, err := os.OpenFile(path, os.O_WRONLY|os.O_CREATE|os.O_EXCL, 0o400)
	if err != nil {
		return nil, err
	}
	defer file.Close()
	if _, err := file.Write(append(raw, '\n')); err != nil {
		return nil, err
	}
	if err := file.Sync(); err != nil {
		return nil, err
	}
	return k, nil
}

// Seal encrypts plain for one purpose ("application-secret") and row (its primary key).
// The result is key id, nonce, ciphertext.
func (k *Keyring) Seal(purpose, row string, plain []byte) []byte {
	aead := k.keys[k.current].aead(purpose)
	out := make([]byte, 1+aead.NonceSize(), 1+aead.NonceSize()+len(plain)+aead.Overhead())
	out[0] = k.current
	if _, err := rand.Read(out[1:]); err != nil {
		panic(err)
	}
	return aead.Seal(out, out[1:1+aead.NonceSize()], plain, associated(purpose, row))
}

// Open decrypts what Seal made for the same purpose and row.
func (k *Keyring) Open(purpose, row string, sealed []byte) ([]byte, error) {
	if len(sealed) < 1 || k.keys[sealed[0]] == nil {
		return nil, ErrUnsealable
	}
	aead := k.keys[sealed[0]].aead(purpose)
	if len(sealed) < 1+aead.NonceSize() {
		return nil, ErrUnsealable
	}
	nonce, body := sealed[1:1+aead.NonceSize()], sealed[1+aead.NonceSize():]
	plain, err := aead.Open(nil, nonce, body, associated(purpose, row))
	if err != nil {
		return nil, ErrUnsealable
	}
	return plain, nil
}

// associated is length-prefixed, so that no two pairs share one encoding.
func associated(purpose, row string) []byte {
	return fmt.Appendf(nil, "%d:%s%d:%s", len(purpose), purpose, len(row), row)
}

// Digest is the keyed fingerprint (32 bytes) under which an unguessable token rests.
// Purposes are kinds of token: one kind is unknown to every other.
func (k *Keyring) Digest(purpose, token string) []byte {
	key := k.keys[k.oldest()]
	pool, _ := key.macs.LoadOrStore(purpose, &sync.Pool{New: func() any {
		return hmac.New(sha256.New, key.derive("digest|"+purpose))
	}})
	mac := pool.(*sync.Pool).Get().(hash.Hash)
	defer pool.(*sync.Pool).Put(mac)
	mac.Reset()
	mac.Write([]byte(token))
	return mac.Sum(nil)
}

// oldest keeps digests stable when a newer sealing key is added.
func (k *Keyring) oldest() byte {
	lowest := k.current
	for id := range k.keys {
		lowest = min(lowest, id)
	}
	return lowest
}

// SlowDigest is Argon2id (2 passes, 19 MiB) over the peppered code, for short human codes.
// salt is per user and at least 8 bytes. It waits while four others are at work; the error is that of ctx, whose end
// gives up the place in the queue.
func (k *Keyring) SlowDigest(ctx context.Context, purpose string, salt []byte, code string) ([]byte, error) {
	select {
	case k.slow <- struct{}{}:
	case <-ctx.Done():
		return nil, ctx.Err()
	}
	defer func() { <-k.slow }()
	if err := ctx.Err(); err != nil { // both at once, or it was over before
		return nil, err
	}
	return argon2.IDKey(k.Digest("pepper|"+purpose, code), salt, 2, 19*1024, 1, 32), nil
}

func (m *masterKey) derive(info string) []byte {
	m.mu.RLock()
	key := m.derived[info]
	m.mu.RUnlock()
	if key != nil {
		return key
	}
	key, err := hkdf.Key(sha256.New, m.root, nil, "countersign|"+info, 32)
	if err != nil {
		panic(err)
	}
	m.mu.Lock()
	m.derived[info] = key
	m.mu.Unlock()
	return key
}

func (m *masterKey) aead(purpose string) cipher.AEAD {
	m.mu.RLock()
	aead := m.aeads[purpose]
	m.mu.RUnlock()
	if aead != nil {
		return aead
	}
	block, err := aes.NewCipher(m.derive("seal|" + purpose))
	if err != nil {
		panic(err)
	}
	aead, err = cipher.NewGCM(block)
	if err != nil {
		panic(err)
	}
	m.mu.Lock()
	m.aeads[purpose] = aead
	m.mu.Unlock()
	return aead
}
