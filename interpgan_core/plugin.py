"""For authors of backbones: networks built from files, options, named weights, fingerprints, files written whole."""

from interpgan_core.files.atomic import placing as placing
from interpgan_core.files.downloads import download as download
from interpgan_core.files.paths import cache_folder as cache_folder
from interpgan_core.files.paths import sha256_of as sha256_of
from interpgan_core.generators.layers import UpsamplingKernel as UpsamplingKernel
from interpgan_core.generators.layers import group_std as group_std
from interpgan_core.generators.layers import reused_maps as reused_maps
from interpgan_core.generators.networks import build as build
from interpgan_core.generators.networks import channels_last as channels_last
from interpgan_core.generators.networks import fingerprint as fingerprint
from interpgan_core.generators.networks import outputs_of as outputs_of
from interpgan_core.generators.networks import rectify as rectify
from interpgan_core.generators.options import LoadOptions as LoadOptions
from interpgan_core.generators.options import Noise as Noise
from interpgan_core.generators.options import Precision as Precision
from interpgan_core.generators.options import check_option as check_option
from interpgan_core.generators.saving import SavedGenerator as SavedGenerator
from interpgan_core.generators.saving import renamed as renamed
from interpgan_core.generators.saving import state_of as state_of
from interpgan_core.generators.shapes import Shapes as Shapes
from interpgan_core.loading.backbones import Backbone as Backbone
from interpgan_core.loading.backbones import Checkpoint as Checkpoint
from interpgan_core.loading.backbones import Description as Description
from interpgan_core.loading.backbones import recognise as recognise
from interpgan_core.loading.named_models import NamedModel as NamedModel
from interpgan_core.loading.named_models import Published as Published
