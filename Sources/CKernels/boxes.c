// Boxes: (left, top, right, bottom), four floats each.
#include "internal.h"

void nk_decode_boxes(float *box, const float *code, size_t stride, const float *prior,
                     const float *variance, nk_box_code kind, size_t n) {
    for (size_t i = 0; i < n; i++, box += 4, prior += 4, code += stride) {
        float c[4];
        for (int k = 0; k < 4; k++)
            c[k] = code[k] * (variance ? variance[4 * i + (size_t)k] : 1.0f);
        float width = prior[2] - prior[0], height = prior[3] - prior[1];
        if (kind == nk_box_center_size) {
            float x = c[0] * width + (prior[0] + prior[2]) / 2;
            float y = c[1] * height + (prior[1] + prior[3]) / 2;
            float w = expf(c[2]) * width, h = expf(c[3]) * height;
            box[0] = x - w / 2;
            box[1] = y - h / 2;
            box[2] = x + w / 2;
            box[3] = y + h / 2;
        } else {
            float unit_x = kind == nk_box_corner ? 1 : width;
            float unit_y = kind == nk_box_corner ? 1 : height;
            for (int k = 0; k < 4; k++) box[k] = prior[k] + c[k] * (k % 2 ? unit_y : unit_x);
        }
    }
}

// Whether a must come behind b: a lower score, or an equal one and a later place.
static int behind(const float *scores, size_t stride, int32_t a, int32_t b) {
    float x = scores[(size_t)a * stride], y = scores[(size_t)b * stride];
    return x < y || (x == y && a > b);
}

// Moves order[at] down the heap of n, whose root comes last of all.
static void sink(int32_t *order, size_t n, size_t at, const float *scores, size_t stride) {
    for (size_t child; (child = 2 * at + 1) < n; at = child) {
        if (child + 1 < n && behind(scores, stride, order[child + 1], order[child])) child += 1;
        if (!behind(scores, stride, order[child], order[at])) return;
        int32_t moved = order[at];
        order[at] = order[child];
        order[child] = moved;
    }
}

size_t nk_rank(int32_t *order, const float *scores, size_t stride, float threshold, size_t n) {
    size_t count = 0;
    for (size_t i = 0; i < n; i++)
        if (scores[i * stride] > threshold) order[count++] = (int32_t)i;
    for (size_t at = count / 2; at-- > 0;) sink(order, count, at, scores, stride);
    for (size_t end = count; end-- > 1;) {
        int32_t last = order[0];
        order[0] = order[end];
        order[end] = last;
        sink(order, end, 0, scores, stride);
    }
    return count;
}

static float area(const float *a, float extra) {
    return a[2] < a[0] || a[3] < a[1] ? 0 : (a[2] - a[0] + extra) * (a[3] - a[1] + extra);
}

static float overlap(const float *a, const float *b, float extra) {
    float width = fminf(a[2], b[2]) - fmaxf(a[0], b[0]) + extra;
    float height = fminf(a[3], b[3]) - fmaxf(a[1], b[1]) + extra;
    if (!(width > 0 && height > 0)) return 0;
    float common = width * height;
    return common / (area(a, extra) + area(b, extra) - common);
}

size_t nk_suppress(int32_t *kept, const int32_t *order, size_t n, const float *boxes,
                   float threshold, float eta, float extra, size_t most) {
    size_t count = 0;
    for (size_t i = 0; i < n && count < most; i++) {
        int32_t candidate = order[i];
        const float *box = boxes + 4 * (size_t)candidate;
        size_t k = 0;
        while (k < count && overlap(box, boxes + 4 * (size_t)kept[k], extra) <= threshold) k++;
        if (k < count) continue;
        kept[count++] = candidate;
        if (eta < 1 && threshold > 0.5f) threshold *= eta;
    }
    return count;
}

size_t nk_propose(float *boxes, float *scores, const float *objectness, const float *deltas,
                  const float *anchors, const nk_proposals *p) {
    ptrdiff_t places = p->height * p->width;
    size_t count = 0;
    for (ptrdiff_t at = 0; at < places; at++) {
        float x = (float)(at % p->width) * p->stride, y = (float)(at / p->width) * p->stride;
        for (ptrdiff_t a = 0; a < p->anchors; a++) {
            const float *anchor = anchors + 4 * a, *d = deltas + 4 * a * places + at;
            float width = anchor[2] - anchor[0] + 1, height = anchor[3] - anchor[1] + 1;
            float cx = d[0] * width + anchor[0] + x + width / 2;
            float cy = d[places] * height + anchor[1] + y + height / 2;
            float w = expf(d[2 * places]) * width, h = expf(d[3 * places]) * height;
            float right = p->image_width - 1, bottom = p->image_height - 1;
            float box[4] = {
                fmaxf(fminf(cx - w / 2, right), 0),
                fmaxf(fminf(cy - h / 2, bottom), 0),
                fmaxf(fminf(cx + w / 2, right), 0),
                fmaxf(fminf(cy + h / 2, bottom), 0),
            };
            if (!(box[2] - box[0] + 1 >= p->smallest && box[3] - box[1] + 1 >= p->smallest))
                continue;
            memcpy(boxes + 4 * count, box, sizeof box);
            scores[count++] = objectness[a * places + at];
        }
    }
    return count;
}
