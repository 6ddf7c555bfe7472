// SPDX-License-Identifier: Apache-2.0
#include <cairo.h>
#include <librsvg/rsvg.h>

#include <cmath>
#include <memory>

#include "absl/strings/str_cat.h"
#include "client/plot/png.h"

namespace hebb::plot {
namespace {

struct Delete {
  void operator()(RsvgHandle* handle) const { g_object_unref(handle); }
  void operator()(cairo_surface_t* surface) const { cairo_surface_destroy(surface); }
  void operator()(cairo_t* context) const { cairo_destroy(context); }
};

absl::Status Failed(const char* doing, GError* error) {
  const std::string why = error == nullptr ? "no reason given" : error->message;
  g_clear_error(&error);
  return absl::InternalError(absl::StrCat("cannot ", doing, " the picture: ", why));
}

absl::Status Failed(cairo_status_t status) {
  return absl::InternalError(
      absl::StrCat("cannot draw the picture: ", cairo_status_to_string(status)));
}

cairo_status_t Append(void* to, const unsigned char* bytes, unsigned int size) {
  static_cast<std::string*>(to)->append(reinterpret_cast<const char*>(bytes), size);
  return CAIRO_STATUS_SUCCESS;
}

}  // namespace

absl::StatusOr<std::string> SvgToPng(const std::string& svg, int scale) {
  GError* error = nullptr;
  const std::unique_ptr<RsvgHandle, Delete> picture(
      rsvg_handle_new_from_data(reinterpret_cast<const guint8*>(svg.data()), svg.size(), &error));
  if (picture == nullptr) return Failed("read", error);
  // Its size is that of the view: the style sheet leaves the height to the page around it.
  gboolean has_view = FALSE;
  RsvgRectangle view = {};
  rsvg_handle_get_intrinsic_dimensions(picture.get(), nullptr, nullptr, nullptr, nullptr, &has_view,
                                       &view);
  if (!has_view) {
    return absl::InternalError("cannot draw the picture: it does not say its size");
  }
  const RsvgRectangle area = {0, 0, std::ceil(view.width) * scale, std::ceil(view.height) * scale};
  const std::unique_ptr<cairo_surface_t, Delete> surface(cairo_image_surface_create(
      CAIRO_FORMAT_RGB24, static_cast<int>(area.width), static_cast<int>(area.height)));
  const std::unique_ptr<cairo_t, Delete> context(cairo_create(surface.get()));
  if (!rsvg_handle_render_document(picture.get(), context.get(), &area, &error)) {
    return Failed("draw", error);
  }
  std::string png;
  const cairo_status_t status = cairo_surface_write_to_png_stream(surface.get(), Append, &png);
  if (status != CAIRO_STATUS_SUCCESS) return Failed(status);
  return png;
}

}  // namespace hebb::plot
