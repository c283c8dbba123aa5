// What rests on the phone: accounts with their keys, and a few facts. Shared by page and worker.
// Keys are CryptoKey objects that are not extractable: the database holds handles, not key bytes.

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

// run makes one transaction; work gets the store and returns a request or nothing.
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
  // Those in an order of the person's own come first; one added later stands behind them.
  return all.filter((a) => a.id !== 'pending').sort((a, b) => (a.place ?? Infinity) - (b.place ?? Infinity) || a.created - b.created);
}
// arrange gives the accounts the order of the ids, in one transaction.
export const arrange = (ids) => run('accounts', 'readwrite', (s) => {
  ids.forEach((id, place) => {
    const r = s.get(id);
    r.onsuccess = () => { if (r.result) s.put({ ...r.result, place }); };
  });
});
export const account = (id) => run('accounts', 'readonly', (s) => s.get(id));
export const save = (a) => run('accounts', 'readwrite', (s) => { s.put(a); });
export const remove = (id) => run('accounts', 'readwrite', (s) => { s.delete(id); });

// change reads, changes and writes an account in one transaction and gives what was written;
// undefined when the account is gone. Counters go up here, so two pages never use one twice.
export const change = (id, edit) => run('accounts', 'readwrite', (s, give) => {
  const r = s.get(id);
  r.onsuccess = () => {
    if (!r.result) return;
    edit(r.result);
    s.put(r.result);
    give(r.result);
  };
});

export const fact = (name) => run('facts', 'readonly', (s) => s.get(name));
export const setFact = (name, value) => run('facts', 'readwrite', (s) => { s.put(value, name); });
