/** Microphone with its level, camera, speaker with a sound to try. */
import { useEffect, useState } from 'preact/hooks';
import type { DeviceChoice } from '../engine';
import type { CallModel } from '../model/call';
import { Button } from '../ui/controls';
import { Dialog } from '../ui/dialog';
import { Icon } from '../ui/icon';
import type { IconName } from '../ui/icons';
import { useLevel } from '../ui/level';

const STEPS = 12;

export function DevicesDialog({ model, onClose }: { model: CallModel; onClose: () => void }) {
  const choices = useDevices(model);
  const { microphone, camera } = model.snapshot.value;
  const level = Math.round((useLevel(() => model.call.microphoneLevel()) / 100) * STEPS);
  return (
    <Dialog title="Devices" onClose={onClose}>
      <div class="devs">
        <Select noun="Microphone" icon="mic" kind="audioinput" choices={choices} value={microphone.deviceId} onChoose={(id) => model.chooseMicrophone(id)} />
        <span class="meter" role="meter" aria-label="Microphone level" aria-valuemin={0} aria-valuemax={STEPS} aria-valuenow={level}>
          {Array.from({ length: STEPS }, (_, i) => <i key={i} class={i < level ? 'on' : ''} />)}
        </span>
        <Select noun="Camera" icon="cam" kind="videoinput" choices={choices} value={camera.deviceId} onChoose={(id) => model.chooseCamera(id)} />
        <Select noun="Speaker" icon="speaker" kind="audiooutput" choices={choices} value={model.parts.prefs.tab().speakerId} onChoose={(id) => model.chooseSpeaker(id)} />
      </div>
      <div class="acts2">
        <Button text="Play a sound" icon="speaker" tone="ghost" onClick={playSound} />
        <Button text="Close" tone="p" onClick={onClose} />
      </div>
    </Dialog>
  );
}

/** The devices there are, kept up to date while somebody looks. */
export function useDevices(model: CallModel): readonly DeviceChoice[] {
  const [choices, setChoices] = useState<readonly DeviceChoice[]>([]);
  useEffect(() => {
    const read = () => void model.parts.devices.list().then(setChoices);
    read();
    return model.parts.devices.onChange(read);
  }, []);
  return choices;
}

interface SelectProps {
  readonly noun: string;
  readonly icon: IconName;
  readonly kind: DeviceChoice['kind'];
  readonly choices: readonly DeviceChoice[];
  readonly value: string | null;
  readonly onChoose: (id: string) => void;
}

function Select({ noun, icon, kind, choices, value, onChoose }: SelectProps) {
  const fitting = choices.filter((choice) => choice.kind === kind);
  if (fitting.length === 0) return null;
  return (
    <label class="inp">
      <Icon name={icon} size="s" />
      <select aria-label={noun} value={value || (fitting[0]?.deviceId ?? '')} onChange={(event) => onChoose(event.currentTarget.value)}>
        {fitting.map((choice, i) => <option key={choice.deviceId} value={choice.deviceId}>{choice.label || `${noun} ${i + 1}`}</option>)}
      </select>
      <Icon name="down" size="s" />
    </label>
  );
}

/** Two soft notes, made here: no file to load. */
function playSound(): void {
  const context = new AudioContext();
  [523, 659].forEach((hz, i) => {
    const note = context.createOscillator();
    const gain = context.createGain();
    const at = context.currentTime + i * 0.18;
    note.frequency.value = hz;
    gain.gain.setValueAtTime(0, at);
    gain.gain.linearRampToValueAtTime(0.2, at + 0.02);
    gain.gain.exponentialRampToValueAtTime(0.001, at + 0.4);
    note.connect(gain).connect(context.destination);
    note.start(at);
    note.stop(at + 0.42);
    if (i === 1) note.onended = () => void context.close();
  });
}
