/* Runs in a page of the server: joins with the given number of seats and waits until media is connected. */
async (seats) => {
  const pc = new RTCPeerConnection({ bundlePolicy: 'max-bundle' });
  const codecs = (kind) => RTCRtpReceiver.getCapabilities(kind).codecs.filter((c) =>
    /opus|VP8|rtx|AV1/i.test(c.mimeType) || (/VP9/i.test(c.mimeType) && /profile-id=0|^$/.test(c.sdpFmtpLine ?? '')));
  const slim = (t, kind) => t.setCodecPreferences(codecs(kind));
  for (const kind of ['audio', 'video', 'video', 'audio']) slim(pc.addTransceiver(kind, { direction: 'sendonly' }), kind);
  for (let i = 0; i < seats; i++) for (const kind of ['audio', 'video']) slim(pc.addTransceiver(kind, { direction: 'recvonly' }), kind);
  pc.createDataChannel('sotto');
  await pc.setLocalDescription(await pc.createOffer());
  const mids = pc.getTransceivers().map((t) => t.mid);
  const names = ['microphone', 'camera', 'screen', 'screen_audio'];
  const started = performance.now();
  const socket = new WebSocket(location.origin.replace('http', 'ws') + '/ws');
  await new Promise((done, failed) => { socket.onopen = done; socket.onerror = failed; });
  const joined = await new Promise((done) => {
    socket.onmessage = (event) => { const m = JSON.parse(event.data); if (m.id === 1) done(m); };
    socket.send(JSON.stringify({ type: 'join', id: 1, version: 1, capabilities: [], room: 'seats', offer: pc.localDescription.sdp,
      sources: names.map((source, i) => ({ mid: mids[i], source })),
      seats: Array.from({ length: seats }, (_, i) => ({ audio: mids[4 + 2 * i], video: mids[5 + 2 * i] })) }));
  });
  if (joined.type !== 'joined') return joined;
  await pc.setRemoteDescription({ type: 'answer', sdp: joined.answer });
  const deadline = performance.now() + 15000;
  while (pc.connectionState !== 'connected' && performance.now() < deadline) await new Promise((r) => setTimeout(r, 20));
  const result = { type: 'joined', seats: joined.seats.length, state: pc.connectionState, offer: pc.localDescription.sdp.length,
    answer: joined.answer.length, ms: Math.round(performance.now() - started),
    receiving: pc.getTransceivers().filter((t) => t.currentDirection === 'recvonly').length };
  pc.close(); socket.close();
  return result;
}
