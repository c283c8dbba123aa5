// Reads QR codes with the camera.
import { button, h, show, t, top } from './dom.js';

// scan shows the camera's picture until a code is read, which is passed to found, or the person stops.
export async function scan(found, stop) {
  const video = h('video', { muted: true, playsinline: true, autoplay: true, 'aria-label': t('scan.text') });
  video.muted = true;
  const problem = h('p', { class: 'problem', role: 'alert' });
  let stream, over = false;
  const end = () => {
    over = true;
    stream?.getTracks().forEach((track) => track.stop());
    removeEventListener('hashchange', end);
  };
  addEventListener('hashchange', end);
  show('scan', top(t('scan.title'), '#/'), h('p', { class: 'muted' }, t('scan.text')), h('div', { class: 'camera' }, video), problem,
    button(t('scan.stop'), () => { end(); stop(); }));
  try {
    stream = await navigator.mediaDevices.getUserMedia({ video: { facingMode: 'environment', width: { ideal: 1280 }, height: { ideal: 720 } }, audio: false });
    if (over) return end();
    video.srcObject = stream;
    await video.play();
  } catch {
    problem.textContent = t('scan.denied');
    return;
  }
  const read = await reader();
  while (!over) {
    if (video.videoWidth > 0) {
      const text = await read(video).catch(() => null);
      if (text && !over) {
        end();
        found(text);
        return;
      }
    }
    await new Promise((done) => setTimeout(done, 120));
  }
}

// reader returns a function that reads a code from a picture: the browser's own detector if it knows QR codes, or qr.js.
async function reader() {
  try {
    if ((await globalThis.BarcodeDetector?.getSupportedFormats())?.includes('qr_code')) {
      const detector = new BarcodeDetector({ formats: ['qr_code'] });
      return async (video) => (await detector.detect(video))[0]?.rawValue ?? null;
    }
  } catch { /* use qr.js */ }
  const { decode } = await import('./qr.js');
  const canvas = document.createElement('canvas');
  const context = canvas.getContext('2d', { willReadFrequently: true });
  return async (video) => {
    const scale = Math.min(1, 800 / Math.max(video.videoWidth, video.videoHeight));
    canvas.width = Math.round(video.videoWidth * scale);
    canvas.height = Math.round(video.videoHeight * scale);
    context.drawImage(video, 0, 0, canvas.width, canvas.height);
    const picture = context.getImageData(0, 0, canvas.width, canvas.height);
    return decode(picture.data, canvas.width, canvas.height);
  };
}
