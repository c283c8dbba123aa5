// What the phone stores: accounts with their keys, and a few facts. Page and worker share it. Keys are CryptoKey objects
// that cannot be exported: the database holds handles, not the bytes of keys.
import { base64url } from './wire.js';

let opened;

function open() {
  opened ??= new Promise((resolve, reject) => {
    const r = indexedDB.open('countersign', 1);
    r.onupgradeneeded = () => {
      r.result.createObjectStore('accounts', { keyPath: 'id' });
      r.result.createObjectStore('facts');
    };
    r.onsuccess = () => {
      r.result.onversionchange = () => { r.result.close(); opened = undefined; };
      resolve(r.result);
    };
    r.onerror = () => { opened = undefined; reject(r.error); };
  });
  return opened;
}

// run makes one transaction. work gets the object store and returns a request, whose result is the result, or nothing.
async function run(store, mode, work) {
  const db = await open();
  return new Promise((resolve, reject) => {
    const tx = db.transaction(store, mode);
    let result;
    const r = work(tx.objectStore(store), (v) => { result = v; });
    if (r) r.onsuccess = () => { result = r.result; };
    tx.oncomplete = () => resolve(result);
    tx.onerror = tx.onabort = () => reject(tx.error);
  });
}

export async function accounts() {
  const all = await run('accounts', 'readonly', (s) => s.getAll());
  // Accounts that the person has ordered come first, and later ones after them.
  return all.filter((a) => a.id !== 'pending').sort((a, b) => (a.place ?? Infinity) - (b.place ?? Infinity) || a.created - b.created);
}
// arrange stores the order of the accounts, in one transaction.
export const arrange = (ids) => run('accounts', 'readwrite', (s) => {
  ids.forEach((id, place) => {
    const r = s.get(id);
    r.onsuccess = () => { if (r.result) s.put({ ...r.result, place }); };
  });
});
export const account = (id) => run('accounts', 'readonly', (s) => s.get(id));
export const save = (a) => run('accounts', 'readwrite', (s) => { s.put(a); });
export const remove = (id) => run('accounts', 'readwrite', (s) => { s.delete(id); });

// change reads, edits and writes an account in one transaction and returns what was written, or undefined when there is no
// such account. Counters are incremented here, so two pages never use a value twice.
export const change = (id, edit) => run('accounts', 'readwrite', (s, give) => {
  const r = s.get(id);
  r.onsuccess = () => {
    if (!r.result) return;
    edit(r.result);
    s.put(r.result);
    give(r.result);
  };
});

// storage returns the random name of this storage. It never leaves it: the server is told a digest of it (wire.js).
export const storage = () => run('facts', 'readwrite', (s, give) => {
  const made = base64url(crypto.getRandomValues(new Uint8Array(16)));
  const r = s.get('storage');
  r.onsuccess = () => {
    give(r.result ?? made);
    if (!r.result) s.put(made, 'storage');
  };
});

export const fact = (name) => run('facts', 'readonly', (s) => s.get(name));
export const setFact = (name, value) => run('facts', 'readwrite', (s) => { s.put(value, name); });
