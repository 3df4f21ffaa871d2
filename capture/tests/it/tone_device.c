/* An ALSA device that gives a tone at one rate and no other, as a cheap sound card does. Built by tests and loaded by ALSA:
 *
 *   pcm_type.tone { lib "/…/tone_device.so" }
 *   pcm.card { type tone rate 44100 channels 1 hz 997 }
 *
 * Sample n is always sin(2 pi hz n / rate) / 4, paced by the monotonic clock. A reader that is late loses nothing: what does not
 * fit the buffer comes when there is room.
 */
#include <alsa/asoundlib.h>
#include <alsa/pcm_external.h>
#include <math.h>
#include <stdint.h>
#include <sys/timerfd.h>
#include <time.h>

typedef struct {
    snd_pcm_ioplug_t io;
    long rate, channels, hz;
    int64_t start_ns;
    uint64_t sample;
} tone_t;

static int64_t now_ns(void) {
    struct timespec now;
    clock_gettime(CLOCK_MONOTONIC, &now);
    return now.tv_sec * 1000000000LL + now.tv_nsec;
}

static int tone_start(snd_pcm_ioplug_t *io) {
    struct itimerspec every = {{0, 10000000}, {0, 10000000}};
    ((tone_t *)io->private_data)->start_ns = now_ns();
    return timerfd_settime(io->poll_fd, 0, &every, NULL);
}

static int tone_stop(snd_pcm_ioplug_t *io) {
    struct itimerspec never = {{0, 0}, {0, 0}};
    return timerfd_settime(io->poll_fd, 0, &never, NULL);
}

static snd_pcm_sframes_t tone_pointer(snd_pcm_ioplug_t *io) {
    tone_t *tone = io->private_data;
    uint64_t due = (now_ns() - tone->start_ns) / 1000 * tone->rate / 1000000;
    uint64_t room = tone->sample + io->buffer_size - 1;
    return (due < room ? due : room) % io->buffer_size;
}

static snd_pcm_sframes_t tone_transfer(
    snd_pcm_ioplug_t *io, const snd_pcm_channel_area_t *areas, snd_pcm_uframes_t offset, snd_pcm_uframes_t size) {
    tone_t *tone = io->private_data;
    uint64_t expirations;
    (void)!read(io->poll_fd, &expirations, sizeof expirations);
    for (snd_pcm_uframes_t n = 0; n < size; n++, tone->sample++) {
        double turns = fmod((double)tone->hz * (double)tone->sample / (double)tone->rate, 1.0);
        for (long channel = 0; channel < tone->channels; channel++) {
            const snd_pcm_channel_area_t *area = &areas[channel];
            int16_t *at = (int16_t *)((char *)area->addr + (area->first + area->step * (offset + n)) / 8);
            *at = (int16_t)lrint(8192.0 * sin(2.0 * M_PI * turns));
        }
    }
    return size;
}

static int tone_close(snd_pcm_ioplug_t *io) {
    close(io->poll_fd);
    free(io->private_data);
    return 0;
}

static const snd_pcm_ioplug_callback_t callbacks = {
    .start = tone_start,
    .stop = tone_stop,
    .pointer = tone_pointer,
    .transfer = tone_transfer,
    .close = tone_close,
};

static int only(snd_pcm_ioplug_t *io, int what, unsigned int value) {
    return snd_pcm_ioplug_set_param_list(io, what, 1, &value);
}

SND_PCM_PLUGIN_DEFINE_FUNC(tone) {
    tone_t *tone = calloc(1, sizeof *tone);
    snd_config_iterator_t i, next;
    int error;
    if (!tone || stream != SND_PCM_STREAM_CAPTURE) {
        free(tone);
        return -ENODEV;
    }
    snd_config_for_each(i, next, conf) {
        snd_config_t *entry = snd_config_iterator_entry(i);
        const char *id;
        snd_config_get_id(entry, &id);
        if (!strcmp(id, "rate")) snd_config_get_integer(entry, &tone->rate);
        if (!strcmp(id, "channels")) snd_config_get_integer(entry, &tone->channels);
        if (!strcmp(id, "hz")) snd_config_get_integer(entry, &tone->hz);
    }
    tone->io.version = SND_PCM_IOPLUG_VERSION;
    tone->io.name = "Tone";
    tone->io.callback = &callbacks;
    tone->io.private_data = tone;
    tone->io.poll_fd = timerfd_create(CLOCK_MONOTONIC, TFD_NONBLOCK | TFD_CLOEXEC);
    tone->io.poll_events = POLLIN;
    if ((error = snd_pcm_ioplug_create(&tone->io, name, stream, mode)) < 0) {
        free(tone);
        return error;
    }
    only(&tone->io, SND_PCM_IOPLUG_HW_ACCESS, SND_PCM_ACCESS_RW_INTERLEAVED);
    only(&tone->io, SND_PCM_IOPLUG_HW_FORMAT, SND_PCM_FORMAT_S16_LE);
    only(&tone->io, SND_PCM_IOPLUG_HW_RATE, (unsigned int)tone->rate);
    only(&tone->io, SND_PCM_IOPLUG_HW_CHANNELS, (unsigned int)tone->channels);
    snd_pcm_ioplug_set_param_minmax(&tone->io, SND_PCM_IOPLUG_HW_PERIOD_BYTES, 512, 65536);
    snd_pcm_ioplug_set_param_minmax(&tone->io, SND_PCM_IOPLUG_HW_BUFFER_BYTES, 4096, 262144);
    snd_pcm_ioplug_set_param_minmax(&tone->io, SND_PCM_IOPLUG_HW_PERIODS, 2, 64);
    *pcmp = tone->io.pcm;
    return 0;
}
SND_PCM_PLUGIN_SYMBOL(tone);
