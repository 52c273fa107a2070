// Written by fit_gamma.py; do not edit.
// clang-format off
#ifndef OPKIT_MATH_SPECIAL_GAMMA_TABLES_H_
#define OPKIT_MATH_SPECIAL_GAMMA_TABLES_H_

namespace opkit::pieces {

// What the sine and the cotangent of reflections lack from their poles, in e^2, |e| <= 1/2.
// log(pi e / sin(pi e)) / e^2 and (pi cot(pi e) - 1 / e) / e.
// LogSine: error 5.3e-09.
constexpr float kLogSine[] = {0x1.a51a66p+0f, 0x1.151364p-1f, 0x1.5b2ed4p-2f, 0x1.01cb0cp-2f, 0x1.97f97cp-3f, 0x1.23a6dcp-3f, 0x1.0f3c32p-2f};
// Cotangent: error 1.4e-08.
constexpr float kCotangent[] = {-0x1.a51a66p+1f, -0x1.1512dcp+1f, -0x1.0488f8p+1f, -0x1.fd1368p+0f, -0x1.1d52e8p+1f, -0x1.7430bap-1f, -0x1.4cb21ep+2f};

// log Gamma(m + e) = log((m - 1)!) + e Lgamma(e) at m = 1 .. 16, |e| <= 1/2.
// Lgamma: relative error 3.4e-08.
alignas(64) constexpr float kLgamma[8][16] = {
    {0x1.5ed986p+1f, -0x1.2788d0p-1f, 0x1.b0ee60p-2f, 0x1.d87730p-1f, 0x1.4190eep+0f, 0x1.8190eep+0f, 0x1.b4c420p+0f, 0x1.df6eccp+0f, 0x1.02008ap+1f, 0x1.12008ap+1f, 0x1.20396ep+1f, 0x1.2d063ap+1f, 0x1.38a924p+1f, 0x1.4353cep+1f, 0x1.4d2c6cp+1f, 0x1.5650fep+1f},
    {0x1.082aa2p-5f, 0x1.a51a72p-1f, 0x1.4a34cap-2f, 0x1.946998p-3f, 0x1.22a27cp-3f, 0x1.c544f8p-4f, 0x1.735972p-4f, 0x1.3a75e6p-4f, 0x1.10aa24p-4f, 0x1.e15446p-5f, 0x1.aec2e6p-5f, 0x1.85cd22p-5f, 0x1.63f338p-5f, 0x1.478170p-5f, 0x1.2f44dap-5f, 0x1.1a5ef8p-5f},
    {-0x1.69de1ep-11f, -0x1.9a4bfcp-2f, -0x1.13e06ep-4f, -0x1.a4d37cp-6f, -0x1.b53322p-7f, -0x1.0a8876p-7f, -0x1.65f986p-8f, -0x1.013446p-8f, -0x1.826770p-9f, -0x1.2d121cp-9f, -0x1.e34046p-10f, -0x1.8a1db8p-10f, -0x1.4b414ep-10f, -0x1.1739d6p-10f, -0x1.e0edd8p-11f, -0x1.9ffccap-11f},
    {0x1.772412p-16f, 0x1.14cef2p-2f, 0x1.513b06p-6f, 0x1.44cba8p-8f, 0x1.ea0304p-10f, 0x1.d40de4p-11f, 0x1.027ce2p-11f, 0x1.3a4f36p-12f, 0x1.9aa2d4p-13f, 0x1.1ad1b2p-13f, 0x1.952cd2p-14f, 0x1.2cfaecp-14f, 0x1.c94f1cp-15f, 0x1.650ef6p-15f, 0x1.1ac12cp-15f, 0x1.c9c79ap-16f},
    {-0x1.ff92b8p-16f, -0x1.a280fcp-3f, -0x1.e31650p-8f, -0x1.2ad908p-10f, -0x1.2ddaaap-12f, -0x1.844e44p-14f, -0x1.56f658p-14f, 0x1.9a4664p-19f, -0x1.2b96e2p-15f, -0x1.f0bf96p-16f, 0x1.ba9256p-17f, -0x1.d3acb6p-15f, 0x1.e97d20p-15f, 0x1.6f25f8p-25f, 0x1.5c2b90p-15f, 0x1.1582acp-16f},
    {-0x1.2e64dcp-22f, 0x1.389b76p-3f, 0x1.77a974p-9f, 0x1.2a7beep-12f, 0x1.f4b69ep-15f, 0x1.323f62p-16f, 0x1.2b536cp-18f, 0x1.29892ap-18f, 0x1.26bf04p-20f, -0x1.672f3ep-24f, 0x1.0cebeap-20f, -0x1.9ff05ep-21f, 0x1.18837ap-20f, -0x1.caeb0cp-24f, 0x1.9f268ep-21f, 0x1.edfed6p-26f},
    {0x1.4a77a0p-14f, -0x1.77b06ap-4f, -0x1.54fe78p-10f, -0x1.17db9ep-14f, -0x1.4302a0p-14f, -0x1.1daf12p-14f, 0x1.3b45a0p-14f, -0x1.55ca20p-14f, 0x1.c03094p-15f, 0x1.c0b8ccp-15f, -0x1.ae2f32p-15f, 0x1.201c4ap-13f, -0x1.5548bcp-13f, -0x1.73aeb6p-18f, -0x1.dfab6ep-14f, -0x1.8a24bep-15f},
    {0x1.d1b368p-21f, 0x1.e75ecep-6f, 0x1.3bf488p-11f, 0x1.b61868p-16f, -0x1.c9224cp-19f, -0x1.aef34ap-19f, 0x1.49fd9ap-18f, -0x1.11834cp-18f, 0x1.0de6cep-20f, 0x1.0e489ap-19f, -0x1.84a74ap-20f, 0x1.72064cp-19f, -0x1.4ccb68p-19f, 0x1.b69438p-22f, -0x1.e3ae40p-20f, -0x1.c233d6p-24f},
};
// (m - 1)! and its logarithm.
alignas(64) constexpr float kFactorial[16] = {0x1.307778p+40f, 1, 1, 2, 6, 24, 0x1.e00000p+6f, 0x1.680000p+9f, 0x1.3b0000p+12f, 0x1.3b0000p+15f, 0x1.626000p+18f, 0x1.baf800p+21f, 0x1.308a80p+25f, 0x1.c8cfc0p+28f, 0x1.7328ccp+32f, 0x1.44c3b2p+36f};
alignas(64) constexpr float kLogFactorial[16] = {0x1.be636ap+4f, 0, 0, 0x1.62e430p-1f, 0x1.cab0c0p+0f, 0x1.96ca78p+1f, 0x1.326644p+2f, 0x1.a51274p+2f, 0x1.10ce20p+3f, 0x1.5358e8p+3f, 0x1.99a892p+3f, 0x1.e3575ap+3f, 0x1.180974p+4f, 0x1.3fcba2p+4f, 0x1.68d5aap+4f, 0x1.930f3ep+4f};
// From 15.5 on log Gamma(x) = (x - 1/2) (log(x) - 1) + LgammaTail(1 / x).
// LgammaTail: error 1.1e-07.
constexpr float kLgammaTail[] = {0x1.acfe3cp-2f, 0x1.5556b4p-4f, -0x1.a08850p-13f};

// digamma(1 + u) at quarters (halves) of the octaves of u + 1, centres less 1.
// Digamma16: relative error 2.8e-08.
alignas(64) constexpr float kDigamma16[8][16] = {
    {0x1.4024dep+0f, 0x1.be7efap+0f, 0x1.20c290p+1f, 0x1.60c49cp+1f, 0x1.c09fbep+1f, 0x1.1fe560p+2f, 0x1.5f3f7cp+2f, 0x1.a024dep+2f, 0x1.ff374cp+2f, 0x1.409db2p+3f, 0x1.805c28p+3f, 0x1.c072b0p+3f, 0x1.f70a3ep-4f, 0x1.d8b618p-2f, 0x1.d8b618p-2f, 0x1.c0c084p-1f},
    {0x1.254de6p-1f, 0x1.a1f59ep-1f, 0x1.04e560p+0f, 0x1.2f32bap+0f, 0x1.63dc76p+0f, 0x1.9c5b5ep+0f, 0x1.ca7c10p+0f, 0x1.f273bap+0f, 0x1.11d156p+1f, 0x1.2d4234p+1f, 0x1.437144p+1f, 0x1.56709ap+1f, -0x1.90ee22p-2f, -0x1.9d8e3cp-27f, -0x1.9d8e3cp-27f, 0x1.5c0622p-2f},
    {0x1.1d43dcp-1f, 0x1.c1360cp-2f, 0x1.6fa7e8p-2f, 0x1.3819b6p-2f, 0x1.fcc674p-3f, 0x1.986294p-3f, 0x1.553746p-3f, 0x1.23fbdcp-3f, 0x1.e205b6p-4f, 0x1.8516ccp-4f, 0x1.473622p-4f, 0x1.1a194cp-4f, 0x1.6458bcp+0f, 0x1.ef72bcp-1f, 0x1.ef72b8p-1f, 0x1.65d954p-1f},
    {-0x1.36d7d2p-3f, -0x1.846d64p-4f, -0x1.055e72p-4f, -0x1.79b3e6p-5f, -0x1.f710acp-6f, -0x1.44af7ap-6f, -0x1.c5c3a0p-7f, -0x1.4c785cp-7f, -0x1.c547d0p-8f, -0x1.2776b6p-8f, -0x1.a2020ap-9f, -0x1.36bc36p-9f, -0x1.c32eeep-1f, -0x1.c563b6p-2f, -0x1.c56176p-2f, -0x1.e3f3f0p-3f},
    {0x1.baaf7cp-5f, 0x1.b9d77cp-6f, 0x1.eacbc8p-7f, 0x1.2e92acp-7f, 0x1.49fc16p-8f, 0x1.5717bep-9f, 0x1.916252p-10f, 0x1.f7dae2p-11f, 0x1.1bd454p-11f, 0x1.2aef3ap-12f, 0x1.63d37ep-13f, 0x1.c83c62p-14f, 0x1.64272cp-1f, 0x1.08bcc4p-2f, 0x1.088322p-2f, 0x1.a82e7ep-4f},
    {-0x1.5c58c0p-6f, -0x1.174422p-7f, -0x1.011784p-8f, -0x1.100adcp-9f, -0x1.e4aeaep-11f, -0x1.9699cep-12f, -0x1.8e625ap-13f, -0x1.ab11dep-14f, -0x1.8f7822p-15f, -0x1.539dc6p-16f, -0x1.55f01cp-17f, -0x1.794c4cp-18f, -0x1.2d3fbap-1f, -0x1.4f442cp-3f, -0x1.4bb082p-3f, -0x1.98a1c2p-5f},
    {0x1.2555eep-7f, 0x1.78b288p-9f, 0x1.210a88p-10f, 0x1.06ed04p-11f, 0x1.81f27ap-13f, 0x1.028604p-14f, 0x1.a82eacp-16f, 0x1.944d10p-17f, 0x1.305432p-18f, 0x1.9e6198p-20f, 0x1.5a82e6p-21f, 0x1.43f094p-22f, 0x1.0b4530p-1f, 0x1.af08b4p-4f, 0x1.8bf7c0p-4f, 0x1.a3e368p-6f},
    {-0x1.fd59d4p-9f, -0x1.021b7ep-10f, -0x1.2e59eap-12f, -0x1.f4e150p-16f, -0x1.3d4678p-15f, -0x1.533c7cp-17f, -0x1.e95306p-19f, -0x1.42b148p-19f, -0x1.d964fap-22f, -0x1.240986p-23f, -0x1.4025e8p-26f, -0x1.a03024p-27f, -0x1.cc969ap-2f, -0x1.93665ep-4f, -0x1.3f753cp-5f, -0x1.81c760p-7f},
};
// Digamma8: relative error 3.3e-08.
alignas(64) constexpr float kDigamma8[10][8] = {
    {0x1.82147ap+0f, 0x1.3eccccp+1f, 0x1.fea7f0p+1f, 0x1.8072b0p+2f, 0x1.210e56p+3f, 0x1.9f3334p+3f, 0x1.d8b618p-2f, 0x1.d8b618p-2f},
    {0x1.6a0d56p-1f, 0x1.199d30p+0f, 0x1.80f874p+0f, 0x1.dfb532p+0f, 0x1.20aaf4p+1f, 0x1.4cefb6p+1f, -0x1.9d8e3cp-27f, -0x1.9d8e3cp-27f},
    {0x1.f42b2ep-2f, 0x1.53540ap-2f, 0x1.c6522cp-3f, 0x1.3a1fa2p-3f, 0x1.ad45dcp-4f, 0x1.2fd4c0p-4f, 0x1.ef72bep-1f, 0x1.ef72bcp-1f},
    {-0x1.e00a7cp-4f, -0x1.bdea98p-5f, -0x1.9188f4p-6f, -0x1.80b30cp-7f, -0x1.6795e4p-8f, -0x1.686f1ep-9f, -0x1.c563b6p-2f, -0x1.c5634ep-2f},
    {0x1.2e4194p-5f, 0x1.837976p-7f, 0x1.d75ae2p-9f, 0x1.3979dep-10f, 0x1.914070p-12f, 0x1.1cf08ap-13f, 0x1.08ae48p-2f, 0x1.08ab94p-2f},
    {-0x1.a615f4p-7f, -0x1.77b04ap-9f, -0x1.360bd6p-11f, -0x1.1ec37ep-13f, -0x1.f73e5cp-16f, -0x1.fa9706p-18f, -0x1.507e02p-3f, -0x1.4f09ccp-3f},
    {0x1.3588b2p-8f, 0x1.80d996p-11f, 0x1.affb22p-14f, 0x1.18edc4p-16f, 0x1.5007b6p-19f, 0x1.dc359cp-22f, 0x1.ac4a80p-4f, 0x1.b0ef82p-4f},
    {-0x1.d11f76p-10f, -0x1.a80118p-13f, -0x1.3a1e80p-16f, -0x1.21fea4p-19f, -0x1.d35c02p-23f, -0x1.d5503cp-26f, -0x1.721b8cp-4f, -0x1.07c7b6p-4f},
    {0x1.883d1cp-11f, 0x1.f4cd08p-15f, 0x1.036f42p-18f, 0x1.ee7c48p-23f, 0x1.6371ccp-26f, 0x1.3cb014p-29f, -0x1.8c4bbap-8f, 0x1.fdf7d6p-6f},
    {-0x1.4eedb6p-12f, -0x1.aa4dd6p-19f, -0x1.7ba31cp-21f, -0x1.22d806p-26f, -0x1.0a0010p-29f, -0x1.4c00c2p-33f, -0x1.bb7f06p-4f, -0x1.0d0584p-7f},
};
// From 15 on digamma(x) = log(x) - v / 2 - v^2 DigammaTail, v = 1 / x.
// DigammaTail: error 6.4e-08.
constexpr float kDigammaTail[] = {0x1.555556p-4f, -0x1.000d34p-20f, -0x1.10148cp-7f};

// Spence(x) / (1 - x) at halves of the octaves (octaves) of [1/16, 16).
// Spence16: relative error 2.1e-08.
alignas(64) constexpr float kSpence16[8][16] = {
    {0x1.4076c8p+1f, 0x1.c0e978p+1f, 0x1.41126ep+2f, 0x1.bef1aap+2f, 0x1.40b020p+3f, 0x1.bfba5ep+3f, 0x1.3f645ap-4f, 0x1.bf1eb8p-4f, 0x1.411aa0p-3f, 0x1.bf70a4p-3f, 0x1.409ba6p-2f, 0x1.c174bcp-2f, 0x1.3f374cp-1f, 0x1.bef1aap-1f, 0x1.4045a2p+0f, 0x1.c15810p+0f},
    {0x1.8772e4p-1f, 0x1.5bac7cp-1f, 0x1.2ef20ap-1f, 0x1.07f1a4p-1f, 0x1.c10ce8p-2f, 0x1.7ed91ep-2f, 0x1.791e76p+0f, 0x1.6edc1ep+0f, 0x1.61dc92p+0f, 0x1.541756p+0f, 0x1.43232ap+0f, 0x1.3163fep+0f, 0x1.1d43fap+0f, 0x1.08a082p+0f, 0x1.e30348p-1f, 0x1.b6651cp-1f},
    {-0x1.a40bb6p-4f, -0x1.23b7dcp-4f, -0x1.83db60p-5f, -0x1.05154ep-5f, -0x1.4c7278p-6f, -0x1.aec39cp-7f, -0x1.674742p+0f, -0x1.2eafdep+0f, -0x1.eeef70p-1f, -0x1.94c002p-1f, -0x1.3f3df6p-1f, -0x1.f54546p-2f, -0x1.7df108p-2f, -0x1.206438p-2f, -0x1.a1aef8p-3f, -0x1.2dd3dep-3f},
    {0x1.612546p-6f, 0x1.71801cp-7f, 0x1.69dba4p-8f, 0x1.6dae22p-9f, 0x1.52e1fep-10f, 0x1.46174ep-11f, 0x1.192738p+2f, 0x1.7060e6p+1f, 0x1.cb2454p+0f, 0x1.246596p+0f, 0x1.5eea0ep-1f, 0x1.a92124p-2f, 0x1.ed3202p-3f, 0x1.1da39ap-3f, 0x1.362d0ap-4f, 0x1.545c78p-5f},
    {-0x1.62989ap-8f, -0x1.12f9a8p-9f, -0x1.867798p-11f, -0x1.249eb2p-12f, -0x1.85d988p-14f, -0x1.1407a4p-15f, -0x1.732688p+4f, -0x1.67e8b0p+3f, -0x1.454d5ap+2f, -0x1.35833ap+1f, -0x1.0f224ep+0f, -0x1.e9a44cp-2f, -0x1.a27c30p-3f, -0x1.69b86cp-4f, -0x1.1ed094p-5f, -0x1.d3cf0ap-7f},
    {0x1.887a1cp-10f, 0x1.befe40p-12f, 0x1.c8099ap-14f, 0x1.f78ae6p-16f, 0x1.deeb5cp-18f, 0x1.f069f6p-20f, 0x1.3da4bcp+7f, 0x1.c09b88p+5f, 0x1.1f3896p+4f, 0x1.8f91a6p+2f, 0x1.f6e470p+0f, 0x1.4da3f6p-1f, 0x1.9c5ebcp-3f, 0x1.0620e4p-4f, 0x1.2b2892p-6f, 0x1.664b02p-8f},
    {-0x1.e368e0p-12f, -0x1.894e34p-14f, -0x1.25f752p-16f, -0x1.d213a8p-19f, -0x1.42d748p-21f, -0x1.dbd122p-24f, -0x1.454d98p+10f, -0x1.421f0ep+8f, -0x1.2b7daep+6f, -0x1.29f620p+4f, -0x1.0ea5aep+2f, -0x1.fad0fep-1f, -0x1.cf694cp-3f, -0x1.a73282p-5f, -0x1.5f3786p-7f, -0x1.2c443ap-9f},
    {0x1.2ecdbcp-13f, 0x1.63da3ap-16f, 0x1.812534p-19f, 0x1.b46412p-22f, 0x1.b2892cp-25f, 0x1.c8c4e8p-28f, 0x1.6093bep+13f, 0x1.94d6dep+10f, 0x1.500586p+8f, 0x1.247cb2p+6f, 0x1.3518a4p+3f, 0x1.5ffa74p+0f, 0x1.0a411cp-2f, 0x1.5b8532p-5f, 0x1.a71fc2p-8f, 0x1.083f1ap-10f},
};
// Spence8: relative error 2.1e-08.
alignas(64) constexpr float kSpence8[10][8] = {
    {0x1.7d6872p+1f, 0x1.7ce560p+2f, 0x1.830a3ep+3f, 0x1.7f9582p-4f, 0x1.81c290p-3f, 0x1.7e76c8p-2f, 0x1.7e9fbep-1f, 0x1.7d1eb8p+0f},
    {0x1.70afcep-1f, 0x1.1a7b5ep-1f, 0x1.9aed00p-2f, 0x1.73be74p+0f, 0x1.5a783ep+0f, 0x1.3a14e8p+0f, 0x1.124c10p+0f, 0x1.cc2b56p-1f},
    {-0x1.5ccc80p-4f, -0x1.3cd374p-5f, -0x1.04cfaep-6f, -0x1.47dcd8p+0f, -0x1.bbbcd6p-1f, -0x1.1a0460p-1f, -0x1.492668p-2f, -0x1.6264b2p-3f},
    {0x1.faef94p-7f, 0x1.fe0542p-9f, 0x1.c1d586p-11f, 0x1.bf7dccp+1f, 0x1.668d8cp+0f, 0x1.0ed43ap-1f, 0x1.70a5e8p-3f, 0x1.c92a34p-5f},
    {-0x1.b45f8cp-9f, -0x1.d8007cp-12f, -0x1.b3bb22p-15f, -0x1.f55b62p+3f, -0x1.b0645cp+1f, -0x1.6702bap-1f, -0x1.0b4da8p-3f, -0x1.6b2b14p-6f},
    {0x1.9bf700p-11f, 0x1.d70b36p-15f, 0x1.c17e24p-19f, 0x1.68439ep+6f, 0x1.41b5b0p+3f, 0x1.1b12aep+0f, 0x1.be636ap-4f, 0x1.4356d0p-7f},
    {-0x1.9833e2p-13f, -0x1.e773a0p-18f, -0x1.dbb612p-23f, -0x1.285f88p+9f, -0x1.0d53c4p+5f, -0x1.ec5574p+0f, -0x1.93ba1ep-4f, -0x1.32a82ap-8f},
    {0x1.ab2688p-15f, 0x1.09369ap-20f, 0x1.021faep-26f, 0x1.0e90d8p+12f, 0x1.ea100ep+6f, 0x1.d07122p+1f, 0x1.86abd2p-4f, 0x1.359066p-9f},
    {-0x1.150cf2p-16f, -0x1.6644a6p-23f, -0x1.6a48f6p-30f, -0x1.31b86cp+15f, -0x1.1816b4p+9f, -0x1.1305f0p+3f, -0x1.d7c122p-4f, -0x1.8231b8p-10f},
    {0x1.2b3576p-18f, 0x1.8991c8p-26f, 0x1.c4da06p-34f, 0x1.2825fap+18f, 0x1.2a356cp+11f, 0x1.1903aep+4f, 0x1.f3873ep-4f, 0x1.9673a0p-11f},
};
// Below: SpenceConstant + log(x) x SpenceLog - x SpenceRest.
// SpenceLog: error 4.2e-10.
constexpr float kSpenceLog[] = {1, 0x1.fffff2p-2f, 0x1.555db0p-2f, 0x1.fce84cp-3f, 0x1.d29c3ep-3f};
// SpenceRest: error 6.2e-09.
constexpr float kSpenceRest[] = {1, 0x1.000084p-2f, 0x1.c6565ap-4f, 0x1.14eb74p-4f};

}  // namespace opkit::pieces

#endif  // OPKIT_MATH_SPECIAL_GAMMA_TABLES_H_
